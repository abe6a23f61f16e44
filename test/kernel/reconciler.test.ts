import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { DEVICE_NAME } from "../../src/kernel/reconcile/ownership.ts";
import { planOperations } from "../../src/kernel/reconcile/plan.ts";
import { Reconciler } from "../../src/kernel/reconcile/reconciler.ts";
import { EMPTY_STATE, type KernelState } from "../../src/kernel/state.ts";
import { parseIp, parsePrefix } from "../../src/net/index.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { peerMac } from "../support/arbitrary-host.ts";
import { DEADLINE_MS, eventually } from "../support/eventually.ts";
import { stateOfPeers } from "../support/many-peers.ts";
import { NetlinkHost } from "../support/netlink-host.ts";
import { RecordingLog } from "../support/recording-log.ts";

const OWNERSHIP = {
  networks: [parsePrefix("10.244.0.0/16"), parsePrefix("fd00:10:244::/48")],
  deviceName: DEVICE_NAME,
};
const iface = "flannel-v6.1";
const via = parseIp("fd00:10:244:7::");
const tunnel4 = stateOfPeers(20);
/** Both families, and one peer on the direct path. */
const state: KernelState = {
  links: [
    ...tunnel4.links,
    {
      ...{ kind: "vxlan", name: iface, mac: peerMac(5), mtuBytes: 1430, vni: 1, parent: "eth0" },
      ...{ local: parseIp("2001:db8::1"), port: null, learning: false, gbp: false },
    },
  ],
  addresses: [...tunnel4.addresses, { iface, ip: parseIp("fd00:10:244::"), length: 128 }],
  fdb: [...tunnel4.fdb, { iface, mac: peerMac(6), remote: parseIp("2001:db8::2") }],
  neighbours: [...tunnel4.neighbours, { iface, ip: via, mac: peerMac(6) }],
  routes: [
    ...tunnel4.routes,
    { dst: parsePrefix("fd00:10:244:7::/64"), via, iface, onlink: true, protocol: 3, mtuBytes: null },
    {
      ...{ dst: parsePrefix("10.244.250.0/24"), via: parseIp("192.0.2.2"), iface: "eth0" },
      ...{ onlink: false, protocol: 116, mtuBytes: null },
    },
  ],
  blackholes: [],
  sysctls: [],
};

let host: NetlinkHost;
let end: AbortController;
let log: RecordingLog;
let reconciler: Reconciler;
let running: Promise<void>;

beforeAll(async () => {
  host = await NetlinkHost.open("tw-reconciler");
});
afterAll(async () => {
  await host.close();
});

beforeEach(() => {
  end = new AbortController();
  log = new RecordingLog();
  reconciler = new Reconciler({
    ...{ kernel: host.kernel, ownership: OWNERSHIP, clock: systemClock, random: systemRandom, log },
    // Beyond every deadline: what is repaired, the kernel told of.
    resyncMs: 3_600_000,
  });
  running = reconciler.run(end.signal).catch((error: unknown) => {
    if (!end.signal.aborted) throw error;
  });
});
afterEach(async () => {
  end.abort(new Error("the test has ended"));
  await running;
});

async function build(desired: KernelState): Promise<void> {
  reconciler.setDesired(desired);
  await reconciler.waitUntilConverged(AbortSignal.timeout(DEADLINE_MS));
}

async function leftToDo(desired: KernelState) {
  return planOperations(desired, await host.kernel.observe(), OWNERSHIP);
}

test("what was built is what was desired, and needs nothing more", async () => {
  await build(state);
  expect(await leftToDo(state)).toEqual([]);
  expect(log.warnings()).toEqual([]);
});

test.each([
  ["a route is deleted", "ip route del 10.244.250.0/24"],
  ["all routes of a device are flushed", "ip route flush dev flannel.1"],
  ["an FDB entry is deleted", "bridge fdb del 0e:00:00:00:00:03 dst 192.168.0.3 dev flannel.1"],
  ["a neighbour is deleted", "ip neigh del 10.244.0.128 dev flannel.1"],
  ["the address is deleted", "ip addr del 10.244.0.0/32 dev flannel.1"],
  ["the IPv6 address is deleted", "ip addr del fd00:10:244::/128 dev flannel-v6.1"],
  ["the device is deleted", "ip link del flannel.1"],
  ["the device is set down", "ip link set flannel.1 down"],
  ["the IPv6 device is set down", "ip link set flannel-v6.1 down"],
  ["its MTU is changed", "ip link set flannel.1 mtu 1300"],
  ["its MAC is changed", "ip link set flannel.1 address 0e:12:34:56:78:9a"],
  ["its local address is changed", "ip link set flannel.1 type vxlan id 1 dev eth0 local 192.168.0.9"],
  ["a route is turned elsewhere", "ip route replace 10.244.250.0/24 dev lo"],
  // Ours gave way to the route of the case before.
  ["a foreign route is removed", "ip route del 10.244.250.0/24 dev lo"],
  ["a route is put before ours", "ip route prepend 10.244.250.0/24 dev lo"],
  ["the underlay goes down and up", "ip link set eth0 down && ip link set eth0 up"],
])("when %s all comes back", async (_, command) => {
  await build(state);
  await host.here.exec("sh", "-c", command);
  await eventually(() => leftToDo(state)).toEqual([]);
  if (command.includes("eth0 down")) {
    await host.here.exec("ip", "addr", "replace", "2001:db8::1/64", "dev", "eth0");
  }
});

test("what is left of a state goes with it, and nothing else does", async () => {
  await build(state);
  await host.here.exec("ip", "route", "add", "10.244.9.0/24", "via", "192.0.2.2", "metric", "50");
  await build(EMPTY_STATE);
  const observed = await host.kernel.observe();
  expect(observed.links.map(({ name }) => name).sort()).toEqual(["eth0", "lo"]);
  expect(observed.routes.some(({ metric }) => metric === 50)).toBe(true);
  await host.here.exec("ip", "route", "del", "10.244.9.0/24");
});

test("5,000 peers are built, and one of them that moves is all that is touched", async () => {
  await build(stateOfPeers(5000));
  const before = reconciler.status().operations;
  const moved = stateOfPeers(5000, 7);
  await build(moved);
  expect(await leftToDo(moved)).toEqual([]);
  expect(operationsSince(before)).toEqual({ "put-fdb": 1, "put-neighbour": 1, "delete-fdb": 1 });
  await build(EMPTY_STATE);
});

function operationsSince(before: Readonly<Record<string, number>>) {
  const counts = Object.entries(reconciler.status().operations);
  const since = counts.map(([op, count]) => [op, count - (before[op] ?? 0)] as const);
  return Object.fromEntries(since.filter(([, count]) => count > 0));
}
