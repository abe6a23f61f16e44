/** The daemon as its supervisor and its probes see it: one node, and a store that the test owns. */
import { open, readdir, rm, symlink } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { lastGoodConfigFile } from "../../src/agent/configuration/last-good-config.ts";
import { HEALTH_PORT } from "../../src/lab/daemon.ts";
import { run } from "../../src/runtime/program.ts";
import { eventually } from "../support/eventually.ts";
import { LoneNode } from "../support/lone-node.ts";
import { leaseFile, publish } from "../support/published-leases.ts";

/** The whole network is one subnet: whoever has it has all. */
const CONFIG = {
  Network: "10.244.0.0/16",
  SubnetMin: "10.244.7.0",
  SubnetMax: "10.244.7.0",
  Backend: { Type: "vxlan" },
};
const KEY = "10.244.7.0-24";

/** Nobody listens there. */
const NO_ETCD = "--etcd-endpoints=http://127.0.0.1:1";

/** The subnet, with somebody else. */
const TAKEN = {
  PublicIP: "198.18.1.77",
  PublicIPv6: null,
  BackendType: "host-gw",
  Owner: "somebody",
  ClaimedAt: "1",
  ExpiresAt: "2999-01-01T00:00:00Z",
};

let node: LoneNode;
beforeAll(async () => {
  node = await LoneNode.create("daemon");
});
afterEach(({ task }) => {
  if (task.result?.state === "fail") console.log(node.daemon.output);
});
afterAll(() => node.delete());

const readiness = () => node.page("/readyz");
const READY = { status: 200, body: "flanneld is ready" };

describe("probes", () => {
  beforeAll(async () => {
    await node.configure(CONFIG);
    await publish(node.store, KEY, TAKEN);
    node.start();
  });

  test("say why a node is not ready: no lease", async () => {
    await eventually(readiness).toEqual({
      status: 503,
      body: expect.stringMatching(/^flanneld is not ready yet\n- .*10\.244\.7\.0/s),
    });
    expect(await node.page("/healthz")).toEqual({ status: 200, body: "flanneld is running" });
    await rm(leaseFile(node.store, KEY));
    await eventually(readiness).toEqual(READY);
  });

  test("answer as flannel's do", async () => {
    expect(await node.page("/healthz")).toEqual({ status: 200, body: "flanneld is running" });
    expect(await node.page("/healthz", "POST")).toEqual({ status: 200, body: "flanneld is running" });
    expect((await node.page("/elsewhere")).status).toBe(404);
  });

  test("fall back when the lease is lost, and come back with it", async () => {
    await publish(node.store, KEY, TAKEN);
    await eventually(readiness).toMatchObject({ status: 503 });
    await rm(leaseFile(node.store, KEY));
    await eventually(readiness).toEqual(READY);
  });

  test("fall back when the device cannot be had, and come back with it", async () => {
    // Stopped, so that it cannot be quicker than the one who takes its VNI.
    node.daemon.signal("SIGSTOP");
    await node.host.ip(
      "link delete flannel.1",
      "link add thief type vxlan id 1 dev eth0 local 198.18.1.1 dstport 8472",
      "link set thief up",
    );
    node.daemon.signal("SIGCONT");
    await eventually(readiness).toEqual({ status: 503, body: expect.stringMatching(/flannel\.1/) });
    await node.host.ip("link delete thief");
    await eventually(readiness).toEqual(READY);
  });

  test("are nobody else's: a daemon whose port is taken ends with 1, and names the flag", async () => {
    const first = node.daemon;
    const second = node.start();
    expect(await second.ended()).toBe(1);
    expect(second.output).toMatch(/--healthz-port/);
    expect(await readiness()).toEqual(READY);
    await first.stop();
  });

  test("say that subnet.env cannot be written", async () => {
    node.start([...node.flags, "--subnet-file=/sys/nowhere/subnet.env"]);
    await eventually(readiness).toEqual({
      status: 503,
      body: expect.stringContaining("/sys/nowhere/subnet.env"),
    });
    await node.daemon.stop();
  });
});

/** As after a boot: without it a daemon goes on with the last one that was in force. */
const forgetConfig = () => rm(lastGoodConfigFile(node.subnetFile), { force: true });

describe("a bad configuration", () => {
  beforeAll(async () => {
    await forgetConfig();
    await node.configure({ ...CONFIG, Network: "10.244.0.0/33" });
    node.start();
  });

  test("is told, and waited out", async () => {
    await eventually(readiness).toEqual({
      status: 503,
      body: expect.stringMatching(/Network is "10\.244\.0\.0\/33", expected/),
    });
    expect(node.daemon.output).toMatch(/"level":50.*Network is \\"10\.244\.0\.0\/33\\"/);
  });

  test("of an unknown backend names those that there are", async () => {
    await node.configure({ ...CONFIG, Backend: { Type: "teleport" } });
    await eventually(readiness).toEqual({
      status: 503,
      body: expect.stringMatching(/Backend\.Type is "teleport", expected .*vxlan, .*host-gw/),
    });
  });

  test("gives way to a good one without a restart", async () => {
    await node.configure(CONFIG);
    await eventually(readiness).toEqual(READY);
    expect(node.daemon.isRunning).toBe(true);
    await node.daemon.stop();
  });

  test("after a good one leaves that in force, also after a restart", async () => {
    await node.configure({ ...CONFIG, Network: "10.244.0.0/33" });
    node.start();
    await eventually(readiness).toEqual(READY);
    const { body } = await node.page("/status");
    expect(JSON.parse(body).configuration.refused).toContain("10.244.0.0/33");
    await node.daemon.stop();
  });
});

describe("the process", () => {
  const credentials = { username: "root", password: "sesame42" };

  test.each([
    ["by flag", Object.entries(credentials).map(([name, value]) => `--etcd-${name}=${value}`), {}],
    [
      "by environment",
      [],
      { FLANNELD_ETCD_USERNAME: credentials.username, FLANNELD_ETCD_PASSWORD: credentials.password },
    ],
  ])(
    "tells nobody a password given %s, and ends with 0 while it waits for a store",
    async (_title, more, environment) => {
      const running = node.start([NO_ETCD, ...node.places, "-v=10", ...more], environment);
      await eventually(() => running.output).toMatch(/"level":40.*ECONNREFUSED/);
      expect(await node.page("/healthz")).toMatchObject({ status: 200 });
      expect(await running.stop()).toBe(0);
      expect(running.output).not.toContain(credentials.password);
    },
  );

  test("goes on when the disk of its log is full", async () => {
    await node.configure(CONFIG);
    const full = await open("/dev/full", "w");
    try {
      const running = node.start(node.flags, {}, undefined, full.fd);
      await eventually(readiness).toEqual(READY);
      expect(await running.stop()).toBe(0);
    } finally {
      await full.close();
    }
  });

  test("goes on when there is no file descriptor for what it could do without", async () => {
    await node.configure(CONFIG);
    const running = node.start();
    await eventually(readiness).toEqual(READY);
    // What is open stays so; whatever it opens from here on fails.
    await run("prlimit", ["--pid", String(running.pid), "--nofile=3:1024"]);
    await eventually(() => running.output).toMatch(/"op":"give-memory-back".*EMFILE/);
    await run("prlimit", ["--pid", String(running.pid), "--nofile=1024"]);
    await eventually(readiness).toEqual(READY);
    expect(await running.stop()).toBe(0);
  });

  test("has threads left when two wait for the kernel and half of the others for names", async () => {
    await node.configure(CONFIG);
    const threads = async (environment: Readonly<Record<string, string>>) => {
      const running = node.start(node.flags, environment);
      await eventually(readiness).toEqual(READY);
      const { length } = await readdir(`/proc/${running.pid}/task`);
      await running.stop();
      return length;
    };
    // libuv makes them all at once, and as many more as it is told.
    const more = (await threads({})) - (await threads({ UV_THREADPOOL_SIZE: "4" }));
    const waiting = 2;
    const pool = 4 + more;
    expect(pool - waiting - Math.ceil(pool / 2)).toBeGreaterThanOrEqual(4);
  });

  test("ends with 1 when host-gw is to work behind NAT", async () => {
    await forgetConfig();
    await node.configure({ ...CONFIG, Backend: { Type: "host-gw" } });
    const running = node.start([...node.flags, "--iface=eth0", "--public-ip=203.0.113.9"]);
    expect(await running.ended()).toBe(1);
    expect(running.output).toMatch(/host-gw cannot cross NAT/);
  });
});

describe("under the name flanneld", () => {
  test("with one dash, words apart, and the environment, it is the same daemon", async () => {
    await node.configure(CONFIG);
    const name = join(node.directory, "flanneld");
    await symlink(resolve("dist/tweed.cjs"), name);
    const flags = [
      "-store=file",
      "-healthz-ip",
      "127.0.0.1",
      "--iface=eth0",
      "-ip-masq",
      "-v",
      "1",
      "-logtostderr",
    ];
    const environment = {
      FLANNELD_STORE_PATH: node.store,
      FLANNELD_HEALTHZ_PORT: String(HEALTH_PORT),
      FLANNELD_SUBNET_FILE: node.subnetFile,
      // The command line goes before the environment.
      FLANNELD_IFACE: "nosuchdevice",
    };
    const running = node.start(flags, environment, [name]);
    await eventually(readiness).toEqual(READY);
    expect(await node.subnetEnv()).toBe(
      "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.7.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n",
    );
    expect(await running.stop()).toBe(0);
  });
});
