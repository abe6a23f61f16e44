/**
 * A blackhole for the node's own subnet, with a bridge of pods and without one:
 *
 *     [ here: 10.244.7.0/24 and fd00:10:244:7::/64 are its own ] ---- default route ---- [ there ]
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { DEVICE_NAME } from "../../src/kernel/reconcile/ownership.ts";
import { Reconciler } from "../../src/kernel/reconcile/reconciler.ts";
import { EMPTY_STATE, type KernelState } from "../../src/kernel/state.ts";
import { parseIp, parsePrefix } from "../../src/net/index.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { DEADLINE_MS, eventually } from "../support/eventually.ts";
import { NetlinkHost } from "../support/netlink-host.ts";

const OWNERSHIP = {
  networks: [parsePrefix("10.244.0.0/16"), parsePrefix("fd00:10:244::/48")],
  deviceName: DEVICE_NAME,
};
const STATE: KernelState = {
  ...EMPTY_STATE,
  blackholes: ["10.244.7.0/24", "fd00:10:244:7::/64"].map(parsePrefix),
};
const PODS = ["10.244.7.9", "fd00:10:244:7::9"].map(parseIp);

let host: NetlinkHost;
let end: AbortController;
let reconciler: Reconciler;
let running: Promise<void>;

beforeAll(async () => {
  host = await NetlinkHost.open("blackhole");
  await host.here.ip("route add default via 192.0.2.2", "route add ::/0 via 2001:db8::2");
});
afterAll(() => host.close());

beforeEach(() => {
  end = new AbortController();
  const surroundings = { clock: systemClock, random: systemRandom, log: silentLog };
  const { kernel } = host;
  reconciler = new Reconciler({ kernel, ownership: OWNERSHIP, ...surroundings, resyncMs: 3_600_000 });
  running = reconciler.run(end.signal).catch((error: unknown) => {
    if (!end.signal.aborted) throw error;
  });
});
afterEach(async () => {
  await build(EMPTY_STATE);
  end.abort(new Error("the test has ended"));
  await running;
});

async function build(desired: KernelState): Promise<void> {
  reconciler.setDesired(desired);
  await reconciler.waitUntilConverged(AbortSignal.timeout(DEADLINE_MS));
}

/** The interface that a packet to each of the pods would leave by; null where it is dropped. */
async function ways(): Promise<(string | null)[]> {
  return Promise.all(PODS.map(async (pod) => (await host.kernel.routeTo(pod))?.iface ?? null));
}

/** Lines of "ip route" and "ip -6 route". */
async function blackholes(): Promise<string[]> {
  const texts = await Promise.all(
    ["-4", "-6"].map((family) => host.here.exec("ip", family, "route", "show", "type", "blackhole")),
  );
  return texts.flatMap((text) => text.split("\n")).filter((line) => line !== "");
}

async function addBridge(): Promise<void> {
  await host.here.ip(
    "link add cni0 type bridge",
    "addr add 10.244.7.1/24 dev cni0",
    "addr add fd00:10:244:7::1/64 dev cni0 nodad",
    "link set cni0 up",
  );
}

test("without a bridge packets for pods that are not there are dropped", async () => {
  expect(await ways()).toEqual(["eth0", "eth0"]);
  await build(STATE);
  expect(await ways()).toEqual([null, null]);
  expect(await blackholes()).toEqual([
    "blackhole 10.244.7.0/24 proto 116 metric 1000000 ",
    expect.stringMatching(/^blackhole fd00:10:244:7::\/64 dev lo proto 116 metric 1000000 /),
  ]);
});

test("a pod's own route goes before it", async () => {
  await build(STATE);
  await host.here.ip("route add 10.244.7.9/32 dev eth0", "route add fd00:10:244:7::9/128 dev eth0");
  expect(await ways()).toEqual(["eth0", "eth0"]);
  await host.here.ip("route del 10.244.7.9/32", "route del fd00:10:244:7::9/128");
});

test.each(["before", "after"])("a bridge that comes %s it carries its pods", async (when) => {
  if (when === "before") await addBridge();
  await build(STATE);
  if (when === "after") await addBridge();
  expect(await ways()).toEqual(["cni0", "cni0"]);
  await host.here.ip("link set cni0 down");
  expect(await ways()).toEqual([null, null]);
  await host.here.ip("link del cni0");
  expect(await ways()).toEqual([null, null]);
});

test("it comes back when somebody deletes it", async () => {
  await build(STATE);
  await host.here.exec("ip", "route", "flush", "type", "blackhole");
  await host.here.exec("ip", "-6", "route", "flush", "type", "blackhole");
  await eventually(ways).toEqual([null, null]);
});

test("it goes when it is no longer wanted, and somebody else's stays", async () => {
  const foreign = ["blackhole 10.244.7.0/24 metric 4000", "blackhole fd00:10:244:7::/64 metric 4000"];
  await host.here.ip(...foreign.map((route) => `route add ${route}`));
  await build(STATE);
  expect(await blackholes()).toHaveLength(4);
  await build(EMPTY_STATE);
  expect(await blackholes()).toEqual([
    expect.stringContaining("10.244.7.0/24 metric 4000"),
    expect.stringContaining("fd00:10:244:7::/64 dev lo metric 4000"),
  ]);
  await host.here.ip(...foreign.map((route) => `route del ${route}`));
});
