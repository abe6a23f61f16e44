/**
 * Clusters in which nodes are not alike: pods of an older MTU, nodes of different backends for as long as anyone
 * likes, nodes whose address changes, configurations that cannot be put into force. Traffic runs throughout. The long run
 * alone stays mixed for minutes, and bounds how long streams stand still and a node that moved is out of reach.
 */
import { readFile, rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { retainedBackendsFile } from "../../src/agent/switch-over/retained-backends.ts";
import { daemonLog, subnetFile } from "../../src/lab/daemon.ts";
import { inNamespace, ipBatch, writeSysctls } from "../../src/lab/namespaces.ts";
import { type LabSpec, switchNamespace } from "../../src/lab/topology.ts";
import { FAMILIES } from "../../src/net/index.ts";
import type { JsonObject } from "../../src/runtime/json.ts";
import { execute, run } from "../../src/runtime/program.ts";
import { addPod } from "../support/added-pod.ts";
import { type Carriers, disagreements, readCarriers, waitForCarrier } from "../support/carriers.ts";
import { DEADLINE_MS, eventually } from "../support/eventually.ts";
import { LossTally } from "../support/loss-tally.ts";
import { readMetrics, readReadiness, readStatus } from "../support/node-pages.ts";
import { useOwnConfigs } from "../support/own-configs.ts";
import { brokenStreams, lostPairs, PodTraffic } from "../support/pod-traffic.ts";
import { setReversePathFilter } from "../support/reverse-path-filter.ts";
import { isLongRun, useLab } from "../support/test-lab.ts";

const NODES = 4;
const MIXED_MS = isLongRun ? 300_000 : 1000;
const ADDRESS_BOUND_MS = 5000;
/** Half a second of it, far more than is under way at a time. */
const UPLOAD_BYTES = 500_000;
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

// A strict one would drop what comes by another way while ends are apart.
beforeAll(() => setReversePathFilter(bed.lab.nodes, 2));

const report: string[] = [];
afterAll(() => console.log(report.join("\n")));

test.each(FAMILIES)(
  "pods made with an MTU of 1500 keep uploading through a switch to vxlan, %s",
  async (family) => {
    await configureAll(HOST_GW);
    await waitForCarrier(bed.lab, "eth0");
    const [first, second] = [bed.node(1), bed.node(2)];
    const upload = await PodTraffic.start(bed.lab, [first, second], { everyMs: 10, bytes: 10_000 }, family);
    const tally = new LossTally(`1 MB/s, host-gw to vxlan, ${family}`);
    try {
      const reading = await upload.during(async () => {
        await upload.untilCarried(UPLOAD_BYTES);
        await configureAll(VXLAN);
        await waitForCarrier(bed.lab, "flannel.1");
        // What was sent at 1500 comes through at 1450.
        await upload.untilCarried(UPLOAD_BYTES);
      });
      tally.add("each way", reading);
      expect(lostPairs(reading)).toEqual([]);
    } finally {
      tally.close(await upload.stop());
      report.push(String(tally));
    }
    tally.expectUnbroken();
    if (isLongRun) tally.expectWithinBounds();
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
        inNamespace(from, ["ping", "-c1", "-W10", "-Mdo", `-s${bytes - headerBytes}`, String(ip)]),
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

const mixed = async () => {
  await startTraffic();
  const tally = new LossTally("mixed");
  // Without a memory of earlier backends a lease names one type only, as flannel's does.
  await bed.lab.stopDaemon(bed.node(4), "SIGKILL");
  await rm(retainedBackendsFile(subnetFile(bed.node(4))));
  await bed.lab.startDaemon(bed.node(4));
  await bed.lab.waitUntilReady(bed.node(4));

  const apart = await traffic.during(async () => {
    await configs.configure(2, HOST_GW);
    await configs.configure(3, UDP);
    await untilReceiving([2, 3], ["host-gw", "udp"]);
    await sleep(MIXED_MS);
  });
  tally.add("node2 to host-gw, node3 to udp", apart);
  expect(lostPairs(apart)).toEqual([]);
  expect(new Set(Object.values(await readCarriers(bed.lab)))).toEqual(new Set(["flannel.1"]));

  const together = await traffic.during(async () => {
    await configs.configure(1, HOST_GW);
    await eventually(async () => betweenFirstTwo(await readCarriers(bed.lab))).toEqual(["eth0", "eth0"]);
    await traffic.untilCarried(1);
  });
  tally.add("node1 to host-gw as well", together);
  expect(lostPairs(together)).toEqual([]);
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
  tally.expectUnbroken();
  if (isLongRun) tally.expectWithinBounds();
};
test("a cluster stays mixed, and the ends of each pair agree", mixed, MIXED_MS + 300_000);

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
    await eventually(news).toContain("network configuration refused");
    expect(await news()).toMatch(reason);
    expect((await readStatus(bed.node(4))).configuration.refused).toMatch(reason);
    expect(await readMetrics(bed.node(4))).toContain("\ntweed_network_config_refused 1\n");
    await traffic.untilCarried(1);
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
    await eventually(device).toMatchObject({ mtu: mtuBytes, ...shown });
  }
  for (const node of bed.lab.nodes) {
    await eventually(() => readFile(subnetFile(node), "utf8")).toContain(`FLANNEL_MTU=${mtuBytes}\n`);
  }
  await bed.lab.waitForMesh(DEADLINE_MS);
});

test("the port of udp changes live", async () => {
  for (const Port of [8285, 9285]) {
    await configureAll({ ...UDP, Port });
    for (const node of bed.lab.nodes) {
      const port = async () => (await readStatus(node)).dataplane?.port;
      await eventually(port).toBe(Port);
    }
    await bed.lab.waitForMesh(DEADLINE_MS);
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
  await eventually(page).toMatchObject({
    status: 503,
    body: expect.stringMatching(/no usable IPv6 address/),
  });
  await ipBatch(node.namespace, [`address add ${node.underlay.v6}/64 dev eth0 nodad`]);
  await eventually(page).toMatchObject({ status: 200 });
  await bed.lab.waitForMesh(DEADLINE_MS);
});

async function configureAll(backend: JsonObject): Promise<void> {
  for (let number = 1; number <= NODES; number++) await configs.configure(number, backend);
}

/** Waits until the nodes' daemons have published these backends first. */
async function untilReceiving(numbers: readonly number[], channels: readonly string[]): Promise<void> {
  for (const [index, number] of numbers.entries()) {
    const log = () => readFile(daemonLog(bed.node(number)), "utf8");
    await eventually(log).toContain(`"backend":"${channels[index]}, vxlan 1`);
  }
}

/** Something happens to one node's address: its pod comes back, and nobody else loses anything. */
async function expectMove(
  pod: string,
  what: string,
  address: string,
  happening: () => Promise<void>,
): Promise<void> {
  const reading = await traffic.during(async () => {
    await happening();
    const learned = () => bed.lab.exec("node4", ["bridge", "fdb", "show", "dev", "flannel.1"]);
    await eventually(async () => (await learned()).stdout).toContain(address);
    await traffic.untilCarried(1);
  });
  const outMs = Math.max(...reading.pings.map(({ lost }) => lost)) * PING_INTERVAL_MS;
  report.push(`${what}: out of reach for at most ${outMs} ms`);
  expect(lostPairs(reading).filter((pair) => !pair.includes(pod))).toEqual([]);
  expect(brokenStreams(reading)).toEqual([]);
  if (isLongRun) expect(outMs).toBeLessThan(ADDRESS_BOUND_MS);
}

function betweenFirstTwo(carriers: Carriers): readonly (string | undefined)[] {
  return [carriers["node1 > node2"], carriers["node2 > node1"]];
}
