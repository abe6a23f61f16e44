/** The daemon as its supervisor and its probes see it: one node, and a store that the test owns. */
import { mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { storeAccess, subnetFile } from "../../src/lab/daemon.ts";
import { readHealthPage } from "../../src/lab/health-page.ts";
import { ipBatch } from "../../src/lab/namespaces.ts";
import { labDirectory } from "../../src/lab/topology.ts";
import { DaemonProcess } from "../support/daemon-process.ts";
import { TWEED, useLab } from "../support/test-lab.ts";

const NAME = "daemon";
const PORT = 8081;
/** The whole network is one subnet: whoever has it has all. */
const CONFIG = {
  Network: "10.244.0.0/16",
  SubnetMin: "10.244.7.0",
  SubnetMax: "10.244.7.0",
  Backend: { Type: "vxlan" },
};

/** Nobody listens there. */
const NO_ETCD = ["--etcd-endpoints=http://127.0.0.1:1"];

const bed = useLab({ name: NAME, nodes: 1, backend: { Type: "vxlan" }, store: "file", families: "v4" });
const store = `${labDirectory(NAME)}/store`;
let daemon: DaemonProcess | null = null;

beforeAll(async () => {
  await bed.lab.stopDaemon(bed.node(1), "SIGTERM");
  await rm(`${store}/subnets`, { recursive: true });
  await rm(subnetFile(bed.node(1)));
});
afterEach(async ({ task }) => {
  if (task.result?.state === "fail") console.log(daemon?.output);
  await daemon?.stop();
  daemon = null;
});

/** Starts a daemon on the lab's store, or another, with more flags behind its own. */
function start(
  more: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
  storeIn: readonly string[] = storeAccess(bed.lab.spec, "operator").flags,
): DaemonProcess {
  const flags = [
    `--subnet-file=${subnetFile(bed.node(1))}`,
    "--healthz-ip=127.0.0.1",
    `--healthz-port=${PORT}`,
  ];
  daemon = DaemonProcess.start(
    bed.node(1).namespace,
    [...TWEED, "run", ...storeIn, ...flags, ...more],
    environment,
  );
  return daemon;
}

async function configure(config: object): Promise<void> {
  await mkdir(store, { recursive: true });
  await writeFile(`${store}/config.json`, JSON.stringify(config));
}

describe("probes", () => {
  beforeAll(() => configure(CONFIG));

  test("answer as flannel's do", async () => {
    start();
    await expect.poll(() => page("/readyz"), POLL).toEqual({ status: 200, body: "flanneld is ready" });
    expect(await page("/healthz")).toEqual({ status: 200, body: "flanneld is running" });
    expect(await page("/healthz", "POST")).toEqual({ status: 200, body: "flanneld is running" });
    expect((await page("/elsewhere")).status).toBe(404);
  });

  test("say why a node is not ready: no lease", async () => {
    await writeFile(`${store}/subnets/10.244.7.0-24.json`, leaseFile("198.18.1.77"));
    start();
    await expect
      .poll(() => page("/readyz"), POLL)
      .toEqual({
        status: 503,
        body: expect.stringMatching(/^flanneld is not ready yet\n- .*10\.244\.7\.0/s),
      });
    expect(await page("/healthz")).toEqual({ status: 200, body: "flanneld is running" });
    await rm(`${store}/subnets/10.244.7.0-24.json`);
    await expect.poll(() => page("/readyz"), LONG_POLL).toMatchObject({ status: 200 });
  });

  test("fall back when the lease is lost, and come back with it", async () => {
    start();
    await expect.poll(() => page("/readyz"), POLL).toMatchObject({ status: 200 });
    await writeFile(`${store}/subnets/10.244.7.0-24.json`, leaseFile("198.18.1.77"));
    await expect.poll(() => page("/readyz"), POLL).toMatchObject({ status: 503 });
    await rm(`${store}/subnets/10.244.7.0-24.json`);
    await expect.poll(() => page("/readyz"), LONG_POLL).toMatchObject({ status: 200 });
  });

  test("fall back when the device cannot be had, and come back with it", async () => {
    const running = start();
    await expect.poll(() => page("/readyz"), POLL).toMatchObject({ status: 200 });
    // Stopped, so that it cannot be quicker than the one who takes its VNI.
    running.signal("SIGSTOP");
    await ipBatch(bed.node(1).namespace, [
      "link delete flannel.1",
      "link add thief type vxlan id 1 dev eth0 local 198.18.1.1 dstport 8472",
      "link set thief up",
    ]);
    running.signal("SIGCONT");
    await expect
      .poll(() => page("/readyz"), POLL)
      .toEqual({
        status: 503,
        body: expect.stringMatching(/flannel\.1/),
      });
    await ipBatch(bed.node(1).namespace, ["link delete thief"]);
    await expect.poll(() => page("/readyz"), LONG_POLL).toMatchObject({ status: 200 });
  });

  test("say that subnet.env cannot be written", async () => {
    start(["--subnet-file=/sys/nowhere/subnet.env"]);
    await expect
      .poll(() => page("/readyz"), POLL)
      .toEqual({
        status: 503,
        body: expect.stringContaining("/sys/nowhere/subnet.env"),
      });
  });
});

describe("a bad configuration", () => {
  test("is told, waited out, and a good one taken without a restart", async () => {
    await configure({ ...CONFIG, Network: "10.244.0.0/33" });
    const running = start();
    await expect
      .poll(() => page("/readyz"), POLL)
      .toEqual({
        status: 503,
        body: expect.stringMatching(/Network is "10\.244\.0\.0\/33", expected/),
      });
    expect(running.output).toMatch(/"level":50.*Network is \\"10\.244\.0\.0\/33\\"/);
    await configure(CONFIG);
    await expect.poll(() => page("/readyz"), POLL).toMatchObject({ status: 200 });
    expect(running.isRunning).toBe(true);
  });

  test("an unknown backend names those that there are", async () => {
    await configure({ ...CONFIG, Backend: { Type: "teleport" } });
    start();
    await expect
      .poll(() => page("/readyz"), POLL)
      .toEqual({
        status: 503,
        body: expect.stringMatching(/Backend\.Type is "teleport", expected .*vxlan, .*host-gw/),
      });
  });
});

describe("the process", () => {
  beforeAll(() => configure(CONFIG));

  test("ends with 0 when asked to, also while it waits for a store", async () => {
    const waiting = start([], {}, NO_ETCD);
    await expect.poll(() => page("/healthz"), POLL).toMatchObject({ status: 200 });
    const startMs = performance.now();
    expect(await waiting.stop()).toBe(0);
    expect(performance.now() - startMs).toBeLessThan(2000);
  });

  test.each([
    ["by flag", ["--etcd-username=root", "--etcd-password=sesame42"], {}],
    ["by environment", [], { FLANNELD_ETCD_USERNAME: "root", FLANNELD_ETCD_PASSWORD: "sesame42" }],
  ])("tells nobody a password given %s", async (_title, more, environment) => {
    const running = start(["-v=10", ...more], environment, NO_ETCD);
    await expect.poll(() => running.output, POLL).toMatch(/"level":40.*ECONNREFUSED/);
    await running.stop();
    expect(running.output).not.toContain("sesame42");
  });

  test("ends with 1 when its port is taken, and names the flag", async () => {
    start();
    await expect.poll(() => page("/readyz"), POLL).toMatchObject({ status: 200 });
    const first = daemon;
    const second = start();
    expect(await second.ended()).toBe(1);
    expect(second.output).toMatch(/--healthz-port/);
    await first?.stop();
  });

  test("ends with 1 when host-gw is to work behind NAT", async () => {
    await configure({ ...CONFIG, Backend: { Type: "host-gw" } });
    const running = start(["--iface=eth0", "--public-ip=203.0.113.9"]);
    expect(await running.ended()).toBe(1);
    expect(running.output).toMatch(/host-gw cannot cross NAT/);
    await configure(CONFIG);
  });
});

describe("under the name flanneld", () => {
  test("with one dash, words apart, and the environment, it is the same daemon", async () => {
    const name = `${labDirectory(NAME)}/flanneld`;
    await symlink(resolve("dist/tweed.cjs"), name);
    daemon = DaemonProcess.start(
      bed.node(1).namespace,
      [
        name,
        "-store=file",
        "-healthz-ip",
        "127.0.0.1",
        "--iface=eth0",
        "-ip-masq",
        "-v",
        "1",
        "-logtostderr",
      ],
      {
        FLANNELD_STORE_PATH: store,
        FLANNELD_HEALTHZ_PORT: String(PORT),
        FLANNELD_SUBNET_FILE: subnetFile(bed.node(1)),
        // The command line goes before the environment.
        FLANNELD_IFACE: "nosuchdevice",
      },
    );
    await expect.poll(() => page("/readyz"), POLL).toEqual({ status: 200, body: "flanneld is ready" });
    expect(await readFile(subnetFile(bed.node(1)), "utf8")).toBe(
      "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.7.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n",
    );
    expect(await daemon.stop()).toBe(0);
  });
});

const POLL = { timeout: 8000, interval: 50 };
/** The file store looks at what no notification told of every 5 s, and a failed attempt is repeated within 10 s. */
const LONG_POLL = { timeout: 20_000, interval: 100 };

const page = (path: string, method = "GET") => readHealthPage(bed.node(1).namespace, PORT, path, method);

function leaseFile(publicIp: string): string {
  const expiresAt = new Date(Date.now() + 86_400_000).toISOString();
  return JSON.stringify({
    PublicIP: publicIp,
    PublicIPv6: null,
    BackendType: "host-gw",
    Owner: "somebody",
    ClaimedAt: "1",
    ExpiresAt: expiresAt,
  });
}
