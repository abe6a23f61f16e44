import { expect, test } from "vitest";
import { describeOperation } from "../../../src/kernel/objects/operation-kinds.ts";
import { planOperations } from "../../../src/kernel/reconcile/plan.ts";
import { EMPTY_STATE, type KernelState } from "../../../src/kernel/state.ts";
import { parseIp, parsePrefix } from "../../../src/net/index.ts";
import { hostOf, ONE_PEER, OWN, peerMac, stateOf, type Wish } from "../../support/arbitrary-host.ts";
import type { FakeKernel } from "../../support/fake-kernel.ts";

function plan(kernel: FakeKernel, wanted: Wish | null): string[] {
  const state = wanted === null ? EMPTY_STATE : stateOf(wanted);
  return planOperations(state, kernel.snapshot(), OWN).map(describeOperation);
}
const withoutSysctls = (lines: readonly string[]) => lines.filter((line) => !line.includes("sysctl"));

test("a path is built from its far end, and the route comes last", () => {
  expect(plan(hostOf(null, []), ONE_PEER)).toEqual([
    "create link flannel.1 type vxlan id 1 dev eth0 local 192.168.9.1",
    "write sysctl net/ipv6/conf/flannel.1/accept_ra = 0",
    "add address 10.244.1.0/32 dev flannel.1",
    "set link flannel.1 up",
    "put fdb 0e:00:00:00:00:00 dst 192.168.9.10 dev flannel.1",
    "put neighbour 10.244.2.0 lladdr 0e:00:00:00:00:00 dev flannel.1",
    "put route 10.244.2.0/24 via 10.244.2.0 dev flannel.1",
  ]);
});

test("a restart changes nothing", () => {
  expect(withoutSysctls(plan(hostOf(ONE_PEER, []), ONE_PEER))).toEqual([]);
});

test("a peer that moved to another MAC and address keeps a path all the time", () => {
  const moved = { ...ONE_PEER, macShift: 1, remoteShift: 1 };
  expect(withoutSysctls(plan(hostOf(ONE_PEER, []), moved))).toEqual([
    "put fdb 0e:00:00:00:00:01 dst 192.168.9.20 dev flannel.1",
    "put neighbour 10.244.2.0 lladdr 0e:00:00:00:00:01 dev flannel.1",
    "delete fdb 0e:00:00:00:00:00 dst 192.168.9.10 dev flannel.1",
  ]);
});

test("a peer that left is taken down from the near end", () => {
  const left = { ...ONE_PEER, paths: ["none", "none", "none", "none"] as const };
  expect(withoutSysctls(plan(hostOf(ONE_PEER, []), left))).toEqual([
    "delete route 10.244.2.0/24 via 10.244.2.0 dev flannel.1",
    "delete neighbour 10.244.2.0 lladdr 0e:00:00:00:00:00 dev flannel.1",
    "delete fdb 0e:00:00:00:00:00 dst 192.168.9.10 dev flannel.1",
  ]);
});

test("to a tunnel of IPv6 a host route leads first: its gateway lies in the prefix that is elsewhere yet", () => {
  const direct = { ...ONE_PEER, hasV6: true, paths: ["direct", "none", "none", "none"] as const };
  const lines = plan(hostOf(direct, []), { ...ONE_PEER, hasV6: true }).filter((line) =>
    / route fd/.test(line),
  );
  expect(lines).toEqual([
    expect.stringMatching(/^put route (fd\S+)\/128 dev flannel/),
    expect.stringMatching(/^put route fd\S+\/64 via \S+ dev flannel/),
    expect.stringMatching(/^delete route fd\S+\/128/),
  ]);
});

test("a blackhole is put beside the bridge's own prefix, found again, and removed when nobody wants it", () => {
  const blackholes = ["10.244.1.0/24", "fd00:10:244:1::/64"];
  const black = { ...ONE_PEER, hasBlackholes: true };
  expect(withoutSysctls(plan(hostOf(ONE_PEER, []), black))).toEqual(
    blackholes.map((dst) => `put route blackhole ${dst}`),
  );
  expect(withoutSysctls(plan(hostOf(black, []), black))).toEqual([]);
  expect(withoutSysctls(plan(hostOf(black, []), ONE_PEER))).toEqual(
    blackholes.map((dst) => `delete route blackhole ${dst}`),
  );
});

test("from a tunnel to the direct path the route turns first", () => {
  const direct = { ...ONE_PEER, paths: ["direct", "none", "none", "none"] as const };
  expect(withoutSysctls(plan(hostOf(ONE_PEER, []), direct))).toEqual([
    "put route 10.244.2.0/24 via 192.168.9.10 dev eth0",
    "delete neighbour 10.244.2.0 lladdr 0e:00:00:00:00:00 dev flannel.1",
    "delete fdb 0e:00:00:00:00:00 dst 192.168.9.10 dev flannel.1",
  ]);
});

test("a route whose other way in comes or goes is put in one step", () => {
  const kernel = hostOf(ONE_PEER, []);
  const state = stateOf(ONE_PEER);
  const alsoFrom = { via: parseIp("192.168.9.10"), iface: "eth0" };
  const both = { ...state, routes: state.routes.map((route) => ({ ...route, alsoFrom })) };
  const lines = (wanted: KernelState) =>
    withoutSysctls(planOperations(wanted, kernel.snapshot(), OWN).map(describeOperation));
  const put = "put route 10.244.2.0/24 via 10.244.2.0 dev flannel.1";
  expect(lines(both)).toEqual([`${put}, also from 192.168.9.10 dev eth0`]);
  for (const route of both.routes) kernel.execute({ op: "put-route", route });
  expect(lines(both)).toEqual([]);
  expect(lines(state)).toEqual([put]);
});

test("a device of an earlier network identifier goes when the new one carries the peers", () => {
  const lines = plan(hostOf(ONE_PEER, []), { ...ONE_PEER, tunnel: "flannel.2" });
  expect(lines.at(0)).toContain("create link flannel.2");
  expect(lines.at(-2)).toBe("put route 10.244.2.0/24 via 10.244.2.0 dev flannel.2");
  expect(lines.at(-1)).toBe("delete link flannel.1");
});

test("MTU, learning, MAC and local address change in place; neighbours lost with the MAC come back", () => {
  const other = { ...ONE_PEER, mtuBytes: 1400, learning: true, ownMac: 2, local: 2 };
  expect(withoutSysctls(plan(hostOf(ONE_PEER, []), other))).toEqual([
    "set link flannel.1 mtu 1400",
    "set link flannel.1 address 0e:aa:00:00:00:02",
    "set link flannel.1 learning",
    "set link flannel.1 local 192.168.9.2",
    "put neighbour 10.244.2.0 lladdr 0e:00:00:00:00:00 dev flannel.1",
  ]);
});

test("a device that only another can replace is made anew with all that was on it", () => {
  const lines = plan(hostOf(ONE_PEER, []), { ...ONE_PEER, port: 4789 });
  expect(lines.slice(0, 2)).toEqual([
    "delete link flannel.1",
    "create link flannel.1 type vxlan id 1 dev eth0 local 192.168.9.1",
  ]);
  expect(lines.at(-1)).toBe("put route 10.244.2.0/24 via 10.244.2.0 dev flannel.1");
});

test("no device is given up while its successor has no parent", () => {
  const kernel = hostOf(ONE_PEER, []);
  kernel.execute({ op: "delete-link", name: "eth1" });
  expect(plan(kernel, { ...ONE_PEER, port: 4789, parent: "eth1" })).toEqual([]);
});

test("an IPv6 address of another length makes room, an IPv4 one goes last", () => {
  const kernel = hostOf({ ...ONE_PEER, hasV6: true, addressLength: 16 }, []);
  const lines = withoutSysctls(plan(kernel, { ...ONE_PEER, hasV6: true }));
  expect(lines).toEqual([
    "delete address fd00:10:244:1::/112 dev flannel-v6.1",
    "add address 10.244.1.0/32 dev flannel.1",
    "add address fd00:10:244:1::/128 dev flannel-v6.1",
    "delete address 10.244.1.0/16 dev flannel.1",
  ]);
});

test("a route that flannel put in the place of ours is adopted by replacing it", () => {
  const kernel = hostOf(null, []);
  kernel.putObservedRoute({
    ...{ dst: parsePrefix("10.244.2.0/24"), via: parseIp("192.168.9.10"), iface: "eth0", onlink: false },
    ...{ protocol: 3, metric: 0, mtuBytes: null, source: null },
  });
  const direct = { ...ONE_PEER, paths: ["direct", "none", "none", "none"] as const };
  expect(plan(kernel, direct)).toContain("put route 10.244.2.0/24 via 192.168.9.10 dev eth0");
  expect(plan(kernel, { ...ONE_PEER, paths: ["none", "none", "none", "none"] })).not.toContain(
    "delete route 10.244.2.0/24 via 192.168.9.10 dev eth0",
  );
});

test("a clean-up names what it takes: routes on other devices, and our devices with all on them", () => {
  const kernel = hostOf({ ...ONE_PEER, hasV6: true, paths: ["tunnel", "direct", "none", "none"] }, []);
  expect(plan(kernel, null)).toEqual([
    "delete route 10.244.3.0/24 via 192.168.9.11 dev eth0",
    "delete route fd00:10:244:3::/64 via fd09::11 dev eth0",
    "delete link flannel.1",
    "delete link flannel-v6.1",
  ]);
});

test("a route of ours with a metric of its own is told with it", () => {
  const kernel = hostOf(null, []);
  kernel.putObservedRoute({
    ...{ dst: parsePrefix("10.244.7.0/24"), via: null, iface: "eth0", onlink: false },
    ...{ protocol: 116, metric: 77, mtuBytes: null, source: null },
  });
  expect(plan(kernel, null)).toEqual(["delete route 10.244.7.0/24 dev eth0 metric 77"]);
});

test("learned entries and unresolved neighbours of our device are left alone", () => {
  const kernel = hostOf(ONE_PEER, []);
  kernel.putObservedFdb({
    iface: "flannel.1",
    mac: peerMac(7),
    remote: parseIp("1.2.3.4"),
    isPermanent: false,
  });
  kernel.putObservedNeighbour({
    iface: "flannel.1",
    ip: parseIp("10.244.9.9"),
    mac: null,
    isPermanent: false,
  });
  expect(withoutSysctls(plan(kernel, ONE_PEER))).toEqual([]);
});
