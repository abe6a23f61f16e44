/**
 * Clusters in which nodes are not alike: pods of an older MTU, nodes of different backends for as long as anyone
 * likes, nodes whose address changes, configurations that cannot be put into force. Traffic runs throughout.
 */
import { readFile, rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { retainedBackendsFile } from "../../src/agent/retained-backends.ts";
import { daemonLog, subnetFile } from "../../src/lab/daemon.ts";
import { inNamespace, ipBatch, writeSysctls } from "../../src/lab/namespaces.ts";
import { type LabSpec, switchNamespace } from "../../src/lab/topology.ts";
import { FAMILIES } from "../../src/net/index.ts";
import type { JsonObject } from "../../src/runtime/json.ts";
import { execute, run } from "../../src/runtime/program.ts";
import { addPod } from "../support/added-pod.ts";
import { disagreements, readCarriers, waitForCarrier } from "../support/carriers.ts";
import { LossTally } from "../support/loss-tally.ts";
import { readMetrics, readReadiness, readStatus } from "../support/node-pages.ts";
import { useOwnConfigs } from "../support/own-configs.ts";
import { PodTraffic, type Reading } from "../support/pod-traffic.ts";
import { isLongRun, useLab } from "../support/test-lab.ts";

const NODES = 4;
const MIXED_MS = isLongRun ? 300_000 : 3000;
const ADDRESS_BOUND_MS = 5000;
const PING_INTERVAL_MS = 10;
const HOST_GW = { Type: "host-gw" };
const UDP = { Type: "udp" };
const VXLAN = { Type: "vxlan" };

const spec: LabSpec = { name: "swhosts", nodes: NODES, backend: HOST_GW, store: "file", families: "dual" };
const configs = useOwnConfigs(spec);
const flags = configs.nodeFlags(NODES);
// The lab names eth0 for every node; this one may move on to another.
const nodeFlags = { ...flags, node2: [...(flags.node2 ?? []), "--iface=eth1"] };
const bed = useLab(spec, [], nodeFlags);

const report: string[] = [];
afterAll(() => console.log(report.join("\n")));

test.each(FAMILIES)(
  "pods made with an MTU of 1500 keep uploading 1 MB/s through a switch to vxlan, %s",
  async (family) => {
    await configureAll(HOST_GW);
    await waitForCarrier(bed.lab, "eth0");
    const [first, second] = [bed.node(1), bed.node(2)];
    const upload = await PodTraffic.start(bed.lab, [first, second], { everyMs: 10, bytes: 10_000 }, family);
    const tally = new LossTally(`1 MB/s, host-gw to vxlan, ${family}`);
    try {
      const reading = await upload.during(async () => {
        await sleep(500);
        await configureAll(VXLAN);
        await waitForCarrier(bed.lab, "flannel.1");
        await sleep(1500);
      });
      tally.add("each way", reading);
      // More than a second's worth went by after the switch, so what was sent at 1500 came through at 1450.
      for (const { bytes } of reading.streams) expect(bytes).toBeGreaterThan(2_000_000);
    } finally {
      tally.close(await upload.stop());
      report.push(String(tally));
    }
    tally.expectWithinBounds();
    for (const node of bed.lab.nodes) {
      expect(await readFile(subnetFile(node), "utf8")).toContain("FLANNEL_MTU=1450\n");
    }
  },
);

test("after the switch a new pod gets 1450, and older ones hear what fits", async () => {
  const { mtuBytes, namespace } = await addPod(spec.name, bed.node(1));
  expect(mtuBytes).toBe(1450);
  const { v4, v6 } = await bed.lab.podIps(bed.node(2));
  // Over IPv6 the outer header takes 20 more, which pods are told by the kernel.
  for (const { ip, headerBytes, fits } of [
    { ip: v4, headerBytes: 28, fits: 1450 },
    { ip: v6, headerBytes: 48, fits: 1430 },
  ]) {
    const ping = (from: string, bytes: number) =>
      execute(
        "ip",
        inNamespace(from, ["ping", "-c1", "-W2", "-Mdo", `-s${bytes - headerBytes}`, String(ip)]),
      );
    expect(await ping(namespace, fits)).toMatchObject({ exitCode: 0 });
    const { podNamespace } = bed.node(1);
    // The uploads may have told the pod already, and then its own kernel says so.
    const refused = await ping(podNamespace, 1500);
    expect(refused.exitCode).toBe(1);
    expect(refused.stdout + refused.stderr).toMatch(new RegExp(`mtu ?[=:] ?${fits}`));
    expect(await ping(podNamespace, fits)).toMatchObject({ exitCode: 0 });
  }
});

/** From here on a ping every 10 ms and a stream between every pair. */
let traffic: PodTraffic;
const startTraffic = async () => {
  traffic = await PodTraffic.start(bed.lab);
};
afterAll(() => traffic?.stop());

test("a cluster stays mixed, and the ends of each pair agree", { timeout: MIXED_MS + 120_000 }, async () => {
  await startTraffic();
  const tally = new LossTally("mixed");
  // Without a memory of earlier backends a lease names one type only, as flannel's does.
  await bed.lab.stopDaemon(bed.node(4), "SIGKILL");
  await rm(retainedBackendsFile(subnetFile(bed.node(4))));
  await bed.lab.startDaemon(bed.node(4));
  await bed.lab.waitUntilReady(bed.node(4));

  tally.add(
    "node2 to host-gw, node3 to udp",
    await traffic.during(async () => {
      await configs.configure(2, HOST_GW);
      await configs.configure(3, UDP);
      await untilReceiving([2, 3], ["host-gw", "udp"]);
      await sleep(MIXED_MS);
    }),
  );
  expect(new Set(Object.values(await readCarriers(bed.lab)))).toEqual(new Set(["flannel.1"]));

  tally.add(
    "node1 to host-gw as well",
    await traffic.during(async () => {
      await configs.configure(1, HOST_GW);
      await expect
        .poll(async () => (await readCarriers(bed.lab))["node1 > node2"], { timeout: 5000 })
        .toBe("eth0");
      await sleep(500);
    }),
  );
  const carriers = await readCarriers(bed.lab);
  expect(disagreements(carriers)).toEqual([]);
  const { peers } = await readStatus(bed.node(1));
  expect(peers.map(({ channel, reason }) => `${channel}, ${reason}`).sort()).toEqual([
    "host-gw, preferred by both",
    "vxlan 1, the best that both accept",
    "vxlan 1, the peer's only one",
  ]);
  for (const [pair, device] of Object.entries(carriers)) {
    expect([pair, device]).toEqual([pair, /^node[12] > node[12]$/.test(pair) ? "eth0" : "flannel.1"]);
  }
  report.push(String(tally));
  tally.expectWithinBounds();
});

test.each([
  ["another Network", { Network: "10.9.0.0/16" }, /Network is 10\.244\.0\.0\/16 .* would become 10\.9\.0\.0/],
  ["a family taken away", { EnableIPv6: false }, /IPv6Network is .* would become off/],
  ["an unknown backend", { Backend: { Type: "pigeon" } }, /pigeon/],
  ["no JSON at all", null, /JSON/],
])("refused: %s", async (_title, different, reason) => {
  const before = await readCarriers(bed.lab);
  const good = {
    Network: "10.244.0.0/16",
    EnableIPv6: true,
    IPv6Network: "fd00:10:244::/48",
    Backend: VXLAN,
  };
  const reading = await traffic.during(async () => {
    const known = (await readFile(daemonLog(bed.node(4)), "utf8")).length;
    await configs.write(4, different === null ? "{ not json" : JSON.stringify({ ...good, ...different }));
    const news = async () => (await readFile(daemonLog(bed.node(4)), "utf8")).slice(known);
    await expect.poll(news, { timeout: 3000, interval: 50 }).toContain("network configuration refused");
    expect(await news()).toMatch(reason);
    expect((await readStatus(bed.node(4))).configuration.refused).toMatch(reason);
    expect(await readMetrics(bed.node(4))).toContain("\ntweed_network_config_refused 1\n");
    await sleep(200);
  });
  expect(lostPairs(reading)).toEqual([]);
  expect(await readCarriers(bed.lab)).toEqual(before);
});

test.each<[JsonObject, JsonObject, number]>([
  [{ MTU: 1400 }, {}, 1350],
  [{ Learning: true }, { learning: true }, 1450],
  [{ GBP: true }, { gbp: true }, 1450],
  [{ Port: 4789 }, { port: 4789 }, 1450],
  [{}, { port: 8472, learning: false }, 1450],
])("options of vxlan change live: %j", async (options, shown, mtuBytes) => {
  await configureAll({ ...VXLAN, ...options });
  for (const { namespace } of bed.lab.nodes) {
    const device = async () => {
      const text = await run("ip", ["-n", namespace, "-d", "-j", "link", "show", "flannel.1"]);
      const [{ mtu, linkinfo }] = JSON.parse(text);
      return { mtu, ...linkinfo.info_data };
    };
    await expect.poll(device, { timeout: 5000 }).toMatchObject({ mtu: mtuBytes, ...shown });
  }
  for (const node of bed.lab.nodes) {
    expect(await readFile(subnetFile(node), "utf8")).toContain(`FLANNEL_MTU=${mtuBytes}\n`);
  }
  await bed.lab.waitForMesh(5000);
});

test("the port of udp changes live", async () => {
  for (const Port of [8285, 9285]) {
    await configureAll({ ...UDP, Port });
    for (const node of bed.lab.nodes) {
      const port = async () => (await readStatus(node)).dataplane?.port;
      await expect.poll(port, { timeout: 5000 }).toBe(Port);
    }
    await bed.lab.waitForMesh(5000);
  }
});

test("a node gets another address on its interface", async () => {
  await configureAll(VXLAN);
  await waitForCarrier(bed.lab, "flannel.1");
  const { namespace } = bed.node(3);
  await writeSysctls(namespace, { "net/ipv4/conf/all/promote_secondaries": "1" });
  await expectMove("pod3", "address changed", "198.18.1.103", () =>
    ipBatch(namespace, ["address add 198.18.1.103/16 dev eth0", "address delete 198.18.1.3/16 dev eth0"]),
  );
});

test("a node goes on over another interface", async () => {
  const { namespace } = bed.node(2);
  await ipBatch(switchNamespace(spec.name), [
    `link add second type veth peer name eth1 netns ${namespace}`,
    "link set second master br0 up",
  ]);
  await expectMove("pod2", "another interface", "198.18.1.102", () =>
    ipBatch(namespace, [
      "link set eth0 down",
      "address flush dev eth0",
      "address add 198.18.1.102/16 dev eth1",
      "address add fd00:198:18::1:102/64 dev eth1 nodad",
      "link set eth1 up",
    ]),
  );
});

test("readiness says so when an interface that went down and up has lost its IPv6 addresses", async () => {
  const node = bed.node(1);
  await ipBatch(node.namespace, ["link set eth0 down", "link set eth0 up"]);
  const page = () => readReadiness(node);
  await expect.poll(page, { timeout: 5000 }).toMatchObject({ status: 503 });
  await expect.poll(async () => (await page()).body, { timeout: 5000 }).toMatch(/no usable IPv6 address/);
  await ipBatch(node.namespace, [`address add ${node.underlay.v6}/64 dev eth0 nodad`]);
  await expect.poll(page, { timeout: 5000 }).toMatchObject({ status: 200 });
  await bed.lab.waitForMesh(10_000);
});

async function configureAll(backend: JsonObject): Promise<void> {
  for (let number = 1; number <= NODES; number++) await configs.configure(number, backend);
}

/** Waits until the nodes' daemons have published these backends first. */
async function untilReceiving(numbers: readonly number[], channels: readonly string[]): Promise<void> {
  for (const [index, number] of numbers.entries()) {
    const log = () => readFile(daemonLog(bed.node(number)), "utf8");
    await expect.poll(log, { timeout: 5000 }).toContain(`"backend":"${channels[index]}, vxlan 1`);
  }
}

/** Something happens to one node's address: its pod comes back in time, and nobody else loses anything. */
async function expectMove(
  pod: string,
  what: string,
  address: string,
  happening: () => Promise<void>,
): Promise<void> {
  const reading = await traffic.during(async () => {
    await happening();
    const learned = () => bed.lab.exec("node4", ["bridge", "fdb", "show", "dev", "flannel.1"]);
    await expect.poll(async () => (await learned()).stdout, { timeout: ADDRESS_BOUND_MS }).toContain(address);
    await sleep(1000);
  });
  const lost = reading.pings.map((ping) => ping.lost);
  report.push(`${what}: out of reach for at most ${Math.max(...lost) * PING_INTERVAL_MS} ms`);
  expect(lostPairs(reading).filter((pair) => !pair.includes(pod))).toEqual([]);
  expect(Math.max(...lost) * PING_INTERVAL_MS).toBeLessThan(ADDRESS_BOUND_MS);
  expect(reading.streams.filter(({ fault }) => fault !== null)).toEqual([]);
}

function lostPairs({ pings }: Reading): string[] {
  return pings.flatMap(({ pair, lost }) => (lost === 0 ? [] : [`${pair}: ${lost} lost`]));
}
