import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ObservedRoute, ObservedRule } from "../../../src/kernel/observed.ts";
import { planOperations } from "../../../src/kernel/reconcile/plan.ts";
import { Reconciler } from "../../../src/kernel/reconcile/reconciler.ts";
import { EMPTY_STATE, type KernelState } from "../../../src/kernel/state.ts";
import { nthAddress, parseIp, parseIpv4, parsePrefix, prefixLength } from "../../../src/net/index.ts";
import { TweedError } from "../../../src/runtime/error.ts";
import { OWN, peerMac } from "../../support/arbitrary-host.ts";
import { FakeKernel } from "../../support/fake-kernel.ts";
import { stateOfPeers } from "../../support/many-peers.ts";
import { RecordingLog } from "../../support/recording-log.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const random = { bytes: (count: number) => new Uint8Array(count), below: () => 0 };
const state = stateOfPeers(3);
const refusal = (code: string) =>
  new TweedError({ code, operation: "test", reason: "injected", retryable: code !== "EOPNOTSUPP" });

let kernel: FakeKernel;
let clock: VirtualClock;
let log: RecordingLog;
let end: AbortController;
let reconciler: Reconciler;
let running: Promise<void>;

beforeEach(() => {
  kernel = new FakeKernel();
  kernel.addDevice("eth0");
  kernel.execute({
    op: "add-address",
    address: { iface: "eth0", ip: parseIp("192.168.0.1"), length: 16 },
  });
  clock = new VirtualClock();
  log = new RecordingLog();
  end = new AbortController();
  reconciler = new Reconciler({ kernel, ownership: OWN, clock, random, log });
});

afterEach(async () => {
  end.abort(new Error("the test has ended"));
  await running;
});

function start(): void {
  running = reconciler.run(end.signal).catch((error: unknown) => {
    if (!end.signal.aborted) throw error;
  });
}

async function build(desired: KernelState = state): Promise<void> {
  start();
  reconciler.setDesired(desired);
  await reconciler.waitUntilConverged(end.signal);
  await clock.sleep(100);
}

const isRight = () => planOperations(state, kernel.snapshot(), OWN).length === 0;

test("nothing is touched before a state is desired, but the host is known", async () => {
  start();
  await clock.sleep(100);
  expect(kernel.log).toEqual([]);
  expect(reconciler.observed().links.map(({ name }) => name)).toEqual(["eth0"]);
  expect(reconciler.status()).toMatchObject({ converged: false, passes: 0 });
});

test("asks the kernel whether it answers, though it is woken more often and finds nothing to do", async () => {
  await build();
  const faults: string[] = [];
  reconciler.onUnreadable(({ code }) => faults.push(code));
  kernel.fault = refusal("EBADF");
  for (let second = 0; second < 6; second++) {
    await clock.sleep(1_000);
    if (faults.length === 0) reconciler.setDesired(state);
  }
  expect(faults).toContain("EBADF");
});

test("tells how far it is", async () => {
  const statuses: boolean[] = [];
  reconciler.onPass(({ converged }) => statuses.push(converged));
  await build();
  expect(statuses[0]).toBe(false);
  expect(statuses.at(-1)).toBe(true);
  expect(reconciler.status()).toMatchObject({
    converged: true,
    failures: [],
    blocked: [],
    operations: { "create-link": 1, "add-address": 1, "put-fdb": 3, "put-neighbour": 3, "put-route": 3 },
  });
  expect(isRight()).toBe(true);
});

test("one changed peer among many costs its own operations and no dump", async () => {
  await build(stateOfPeers(300));
  const dumps = kernel.dumps;
  kernel.log.length = 0;
  reconciler.setDesired(stateOfPeers(300, 17));
  await reconciler.waitUntilConverged(end.signal);
  expect(kernel.log.map(({ op }) => op)).toEqual(["put-fdb", "put-neighbour", "delete-fdb"]);
  expect(kernel.dumps).toBe(dumps);
});

test("the newest state counts, also when it comes while an older one is built", async () => {
  start();
  reconciler.setDesired(stateOfPeers(50));
  kernel.hooks.after = ({ op }) => {
    if (op === "create-link") reconciler.setDesired(state);
  };
  await reconciler.waitUntilConverged(end.signal);
  expect(isRight()).toBe(true);
  expect(kernel.log.filter(({ op }) => op === "put-route")).toHaveLength(3);
});

test("what changed without a notification is found by the periodic dump", async () => {
  await build();
  kernel.loseNotifications();
  kernel.routes = kernel.routes.filter(({ iface }) => iface !== "flannel.1");
  await clock.sleep(20_000);
  expect(isRight()).toBe(false);
  await clock.sleep(11_000);
  expect(isRight()).toBe(true);
});

test("a state without our devices takes them away", async () => {
  await build();
  reconciler.setDesired(EMPTY_STATE);
  await reconciler.waitUntilConverged(end.signal);
  expect([...kernel.links.keys()]).toEqual(["eth0"]);
});

describe("an operation that fails", () => {
  test("does not delay the others, and is told once", async () => {
    const dst = state.routes[1]?.dst;
    kernel.hooks.before = (operation) =>
      operation.op === "put-route" && operation.route.dst === dst ? refusal("EINVAL") : null;
    start();
    reconciler.setDesired(state);
    await clock.sleep(5000);
    expect(kernel.routes.filter(({ iface }) => iface === "flannel.1")).toHaveLength(2);
    const status = reconciler.status();
    expect(status.converged).toBe(false);
    expect(status.failures).toMatchObject([{ op: "put-route", code: "EINVAL" }]);
    expect(status.failures[0]?.what).toContain(dst);
    expect(log.warnings()).toHaveLength(1);

    kernel.hooks = {};
    await reconciler.waitUntilConverged(end.signal);
    expect(isRight()).toBe(true);
  });

  test("holds back what stands on it", async () => {
    kernel.hooks.before = ({ op }) => (op === "put-fdb" ? refusal("ENOBUFS") : null);
    start();
    reconciler.setDesired(state);
    await clock.sleep(1000);
    expect(kernel.log.some(({ op }) => op === "put-neighbour" || op === "put-route")).toBe(false);
    expect(reconciler.status().blocked[0]).toMatch(/^fdb flannel\.1 /);
  });

  test("is tried at once when its interface comes back, not when its wait is over", async () => {
    kernel.execute({ op: "delete-link", name: "eth0" });
    start();
    reconciler.setDesired(state);
    await clock.sleep(60_000);
    kernel.addDevice("eth0");
    await clock.sleep(100);
    expect(isRight()).toBe(true);
  });

  test("does not keep the node from being ready when it is a sysctl", async () => {
    kernel.hooks.before = ({ op }) => (op === "write-sysctl" ? refusal("ENOENT") : null);
    const sysctl = { path: "net/ipv6/conf/flannel.1/accept_ra", value: "0" };
    await build({ ...state, sysctls: [sysctl] });
    expect(reconciler.status()).toMatchObject({ converged: true, failures: [{ op: "write-sysctl" }] });
  });

  test("to change a local address in place leads to another device", async () => {
    await build();
    kernel.hooks.before = (operation) =>
      operation.op === "set-link" && operation.settings !== undefined ? refusal("EOPNOTSUPP") : null;
    const local = parseIpv4("192.168.0.2");
    reconciler.setDesired({ ...state, links: state.links.map((link) => ({ ...link, local })) });
    await reconciler.waitUntilConverged(end.signal);
    expect(kernel.links.get("flannel.1")?.settings).toMatchObject({ local });
    expect(reconciler.status().operations["create-link"]).toBe(2);
  });

  test("to change a local address that another device has leaves the device as it is", async () => {
    await build();
    kernel.hooks.before = (operation) =>
      operation.op === "set-link" && operation.settings !== undefined ? refusal("EEXIST") : null;
    const local = parseIpv4("192.168.0.2");
    reconciler.setDesired({ ...state, links: state.links.map((link) => ({ ...link, local })) });
    await clock.sleep(60_000);
    expect(reconciler.status().operations).not.toHaveProperty("delete-link");
    expect(reconciler.status().failures).toMatchObject([{ op: "set-link", code: "EEXIST" }]);
    expect(kernel.links.has("flannel.1")).toBe(true);
  });

  test("because an outsider's route precedes ours is repaired by deleting ours first", async () => {
    await build();
    const dst = state.routes[1]?.dst;
    const ours = kernel.routes.find((route) => route.dst === dst);
    if (ours === undefined) throw new Error("the route is missing");
    let isShadowed = true;
    kernel.hooks.before = (operation) => {
      if (operation.op === "delete-route" && operation.route.dst === dst) isShadowed = false;
      const isRefused = isShadowed && operation.op === "put-route" && operation.route.dst === dst;
      return isRefused ? refusal("EEXIST") : null;
    };
    kernel.putObservedRoute({ ...ours, iface: "eth0", via: null, onlink: false, protocol: 4 });
    await clock.sleep(1000);
    expect(isRight()).toBe(true);
    expect(log.warnings()).toEqual([]);
  });

  test("because an outsider's route precedes ours names that route", async () => {
    await build();
    const dst = state.routes[1]?.dst;
    const ours = kernel.routes.find((route) => route.dst === dst);
    if (ours === undefined) throw new Error("the route is missing");
    kernel.hooks.before = ({ op }) => (op === "put-route" ? refusal("EEXIST") : null);
    kernel.putObservedRoute({ ...ours, iface: "eth0", via: null, onlink: false, protocol: 4 });
    await clock.sleep(1000);
    expect(reconciler.status().failures[0]?.message).toContain(
      `a foreign route of the same prefix stands in the way: ${dst} dev eth0 proto 4`,
    );
  });
});

test("a kernel that cannot be read is asked again, and told of once", async () => {
  const observe = kernel.observe.bind(kernel);
  let refused = 4;
  kernel.observe = async () => {
    refused -= 1;
    if (refused >= 0) throw refusal("ENOBUFS");
    return observe();
  };
  await build();
  expect(isRight()).toBe(true);
  expect(log.warnings()).toHaveLength(1);
});

test("an error that nobody foresaw ends the run", async () => {
  kernel.observe = () => Promise.reject(new RangeError("a fault of ours"));
  await expect(reconciler.run(end.signal)).rejects.toThrow("a fault of ours");
});

describe("a foreign device whose prefix is that of a peer", () => {
  /** An old bridge: the kernel's route of its address leads to the peer's subnet. */
  async function withBridge(): Promise<string> {
    const [{ dst } = { dst: null }] = state.routes;
    if (dst === null) throw new Error("no route");
    kernel.addDevice("cni0", { kind: "bridge" });
    const ip = nthAddress(dst, 1);
    kernel.execute({ op: "add-address", address: { iface: "cni0", ip, length: prefixLength(dst) } });
    await build();
    expect(reconciler.status().foreign.map((route) => route.dst)).toEqual([dst]);
    expect(kernel.bestRoute(ip)?.iface).toBe("cni0");
    return ip;
  }

  test.each(["is deleted", "goes down"])(
    "that %s frees it: the kernel tells nobody of its routes",
    async (end) => {
      const ip = await withBridge();
      if (end === "is deleted") kernel.execute({ op: "delete-link", name: "cni0" });
      else kernel.execute({ op: "set-link", name: "cni0", up: false });
      await clock.sleep(1_000);
      expect(kernel.bestRoute(parseIp(ip))?.iface).toBe("flannel.1");
      expect(reconciler.status().foreign).toEqual([]);
    },
  );
});

test("a fight with another program is bounded, and told once a minute", async () => {
  await build();
  const [route] = state.routes;
  if (route === undefined) throw new Error("no route");
  kernel.hooks.after = ({ op }) => {
    if (op === "put-route") kernel.execute({ op: "delete-route", route, metric: 0 });
  };
  kernel.log.length = 0;
  kernel.execute({ op: "delete-route", route, metric: 0 });
  await clock.sleep(90_000);
  expect(kernel.log.length).toBeLessThan(150);
  const warnings = log.warnings().filter(({ message }) => message.includes("keeps changing"));
  expect(warnings.length).toBeGreaterThan(0);
  expect(warnings.length).toBeLessThanOrEqual(2);

  kernel.hooks = {};
  await clock.sleep(2000);
  expect(isRight()).toBe(true);
});

test("a repair is told", async () => {
  await build();
  const entry = state.neighbours[0];
  if (entry === undefined) throw new Error("no neighbour");
  kernel.execute({ op: "delete-neighbour", entry });
  await clock.sleep(100);
  expect(isRight()).toBe(true);
  const repairs = log.lines.filter(({ message }) => message.includes("repaired"));
  expect(repairs).toMatchObject([{ level: "info", fields: { count: 1 } }]);
});

describe("rules and routes that lead packets elsewhere", () => {
  const rule = (table: number, dst = "10.244.0.0/16"): ObservedRule => ({
    ...{ family: "v4", priority: 100, table, source: null, destination: null },
    routes: [{ dst: parsePrefix(dst), iface: "wg0", isThrow: false }],
  });
  const insideRoute = (last: number): ObservedRoute => ({
    ...{ dst: parsePrefix(`10.244.0.${last}/32`), via: null, iface: "eth0", onlink: false },
    ...{ protocol: 4, metric: 0, mtuBytes: null, source: null },
  });

  test("are told at once, without a dump of everything", async () => {
    await build();
    const { dumps } = kernel;
    kernel.putRules([rule(51)]);
    await clock.sleep(100);
    expect(reconciler.status().rules).toEqual([rule(51)]);
    await clock.sleep(2000);
    kernel.putRules([rule(51, "10.244.7.0/24")], 51);
    await clock.sleep(100);
    expect(reconciler.status().rules).toEqual([rule(51, "10.244.7.0/24")]);
    kernel.putObservedRoute(insideRoute(130));
    await clock.sleep(2000);
    expect(reconciler.status().foreign).toEqual([insideRoute(130)]);
    kernel.putRules([]);
    await clock.sleep(2000);
    expect(reconciler.status().rules).toEqual([]);
    expect(kernel.dumps).toBe(dumps);
  });

  test("are not read for what tables hold that no rule leads to", async () => {
    await build();
    kernel.putRules([], 1051);
    await clock.sleep(2000);
    expect(kernel.ruleDumps).toBe(0);
  });

  test.each<[string, (pod: number) => void]>([
    ["rules", (pod) => kernel.putRules(Array.from({ length: pod + 1 }, (_, index) => rule(index + 1)))],
    ["routes", (pod) => kernel.putObservedRoute(insideRoute(129 + pod))],
  ])(
    "come for each of 100 pods: %s are looked at once a second, and the last of them counts",
    async (_what, add) => {
      await build(stateOfPeers(300));
      const { dumps } = kernel;
      const { passes } = reconciler.status();
      const fromMs = clock.nowMs();
      for (let pod = 0; pod < 100; pod++) {
        add(pod);
        await clock.sleep(100);
      }
      await clock.sleep(2000);
      const seconds = (clock.nowMs() - fromMs) / 1000;
      expect(reconciler.status().passes - passes).toBeLessThanOrEqual(seconds + 1);
      expect(kernel.ruleDumps).toBeLessThanOrEqual(seconds + 1);
      expect(kernel.dumps).toBe(dumps);
      const { rules, foreign } = reconciler.status();
      expect(rules.length + foreign.length).toBe(100);
    },
  );
});

describe("the underlay's listener", () => {
  test("is called for other interfaces, addresses and routes, with what is there now", async () => {
    await build();
    const calls: string[] = [];
    reconciler.onUnderlayChange(({ links }) => calls.push(links.map(({ name }) => name).join()));
    kernel.addDevice("eth5");
    await clock.sleep(100);
    expect(calls).toEqual(["eth0,flannel.1,eth5"]);
    const dst = parsePrefix("192.168.77.0/24");
    kernel.putObservedRoute({
      ...{ dst, via: null, iface: "eth0", onlink: false, protocol: 4 },
      ...{ metric: 0, mtuBytes: null, source: null },
    });
    await clock.sleep(100);
    expect(calls).toHaveLength(2);
  });

  test.each([
    ["elsewhere", "192.168.77.0/24", 0],
    ["to a peer's subnet, behind ours", "10.244.0.128/29", 500],
  ])(
    "others' routes that come and go all the time (%s) cost about a look a second",
    async (_where, dst, metric) => {
      await build();
      const { passes } = reconciler.status();
      let calls = 0;
      reconciler.onUnderlayChange(() => {
        calls += 1;
      });
      const route = {
        ...{ dst: parsePrefix(dst), via: null, iface: "eth0", onlink: false, protocol: 4 },
        ...{ metric, mtuBytes: null, source: null },
      };
      const flaps = 600;
      for (let flap = 0; flap < flaps; flap++) {
        kernel.putObservedRoute(route);
        await clock.sleep(25);
        kernel.execute({ op: "delete-route", route, metric });
        await clock.sleep(25);
      }
      kernel.putObservedRoute(route);
      await clock.sleep(2000);
      const seconds = (flaps * 50 + 2000) / 1000;
      expect(calls).toBeLessThan(2 * seconds + 20);
      expect(reconciler.status().passes - passes).toBeLessThan(2 * seconds + 20);
      expect(reconciler.observed().routes).toContainEqual(route);
    },
  );

  test("is called without a pass over the peers", async () => {
    await build();
    const { passes } = reconciler.status();
    let calls = 0;
    reconciler.onUnderlayChange(() => {
      calls += 1;
    });
    kernel.addDevice("wg0", { kind: "wireguard" });
    await clock.sleep(100);
    expect(calls).toBe(0);
    kernel.execute({ op: "add-address", address: { iface: "wg0", ip: parseIp("192.0.2.7"), length: 24 } });
    await clock.sleep(100);
    kernel.alterLink("wg0", (link) => ({ ...link, isUp: false }));
    await clock.sleep(100);
    kernel.execute({ op: "delete-link", name: "wg0" });
    await clock.sleep(100);
    expect(calls).toBe(3);
    expect(reconciler.status().passes).toBe(passes);
  });

  test.each([
    ["a peer's subnet", "10.244.0.128/29", true],
    ["a part of it", "10.244.0.130/32", true],
    ["what is no peer's, as this node's own pods", "10.244.255.7/32", false],
    ["elsewhere", "192.168.77.0/24", false],
  ])("others' route to %s: a pass follows only where it is in the way", async (_title, dst, isInTheWay) => {
    await build();
    const { passes } = reconciler.status();
    kernel.putObservedRoute({
      ...{ dst: parsePrefix(dst), via: null, iface: "eth0", onlink: false, protocol: 4 },
      ...{ metric: 77, mtuBytes: null, source: null },
    });
    await clock.sleep(100);
    expect(reconciler.status().passes > passes).toBe(isInTheWay);
  });

  test("is not called for pods, and nothing else is done for them", async () => {
    await build(stateOfPeers(300));
    const { passes } = reconciler.status();
    const { dumps } = kernel;
    kernel.log.length = 0;
    let calls = 0;
    reconciler.onUnderlayChange(() => {
      calls += 1;
    });
    for (let pod = 0; pod < 20; pod++) {
      const iface = `veth${pod}`;
      kernel.addDevice(iface, { kind: "veth", up: false });
      kernel.alterLink(iface, (link) => ({ ...link, isUp: true }));
      kernel.putObservedAddress({
        ...{ iface, ip: parseIp(`fe80::${pod}`), length: 64, isLinkLocal: true, isPermanent: true },
        ...{ isTemporary: false, isDeprecated: false, isTentative: false, isSecondary: false },
      });
      kernel.putObservedRoute({
        ...{ dst: parsePrefix("fe80::/64"), via: null, iface, onlink: false, protocol: 2 },
        ...{ metric: 256, mtuBytes: null, source: null },
      });
      await clock.sleep(50);
    }
    for (let pod = 0; pod < 20; pod++) {
      kernel.execute({ op: "delete-link", name: `veth${pod}` });
      await clock.sleep(50);
    }
    expect({ calls, dumps: kernel.dumps, operations: kernel.log }).toEqual({
      calls: 0,
      dumps,
      operations: [],
    });
    expect(reconciler.status().passes).toBe(passes);
    expect(reconciler.observed().links.map(({ name }) => name)).toEqual(["eth0", "flannel.1"]);
  });

  test("is not called for what is ours", async () => {
    await build();
    let calls = 0;
    reconciler.onUnderlayChange(() => {
      calls += 1;
    });
    reconciler.setDesired(stateOfPeers(9));
    await reconciler.waitUntilConverged(end.signal);
    kernel.putObservedNeighbour({
      iface: "flannel.1",
      ip: parseIp("10.244.9.9"),
      mac: peerMac(1),
      isPermanent: true,
    });
    await clock.sleep(100);
    expect(calls).toBe(0);
  });
});

test("waiting for convergence can be given up", async () => {
  start();
  const patience = new AbortController();
  const waiting = reconciler.waitUntilConverged(patience.signal);
  patience.abort(new Error("no more patience"));
  await expect(waiting).rejects.toThrow("no more patience");
});
