import fc from "fast-check";
import { expect, test } from "vitest";
import { describeOperation } from "../../src/kernel/objects/operation-kinds.ts";
import type { ObservedState } from "../../src/kernel/observed.ts";
import type { Operation } from "../../src/kernel/operation.ts";
import { isOwnAddress } from "../../src/kernel/reconcile/ownership.ts";
import { planOperations } from "../../src/kernel/reconcile/plan.ts";
import { Reconciler } from "../../src/kernel/reconcile/reconciler.ts";
import { EMPTY_STATE, type KernelState } from "../../src/kernel/state.ts";
import type { Prefix } from "../../src/net/index.ts";
import { TweedError } from "../../src/runtime/error.ts";
import { silentLog } from "../../src/runtime/log.ts";
import {
  hostOf,
  OWN,
  OWN_DEVICES,
  servedSubnets,
  stateOf,
  tamper,
  tamperings,
  wishes,
} from "../support/arbitrary-host.ts";
import { type FakeKernel, observedRoute } from "../support/fake-kernel.ts";
import { runs } from "../support/property-runs.ts";
import { isReachable } from "../support/reachability.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const hosts = fc
  .tuple(fc.option(wishes), fc.array(tamperings, { maxLength: 6 }))
  .map(([former, since]) => ({ former, since }));
const DEADLINE_MS = 120_000;
/** For each operation in turn: whether the kernel refuses it. When the list ends, so do the refusals. */
const refusals = fc.array(fc.boolean(), { maxLength: 40 });
const desired = wishes.map(stateOf);

test("any host becomes what is desired, in few passes, and then nothing is left to do", async () => {
  await fc.assert(
    fc.asyncProperty(hosts, desired, async ({ former, since }, state) => {
      const kernel = hostOf(former, since);
      const { passes } = await reconcile(kernel, state);
      expect(passes).toBeLessThanOrEqual(3);
      expect(leftToDo(state, kernel)).toEqual([]);
      expect(kernel.routes).toEqual(expect.arrayContaining(state.routes.map(observedRoute)));
    }),
    runs(400),
  );
});

test("nothing foreign is touched, whatever fails", async () => {
  await fc.assert(
    fc.asyncProperty(hosts, desired, refusals, async ({ former, since }, state, refused) => {
      const kernel = hostOf(former, since);
      refuse(kernel, refused);
      const before = foreignPart(kernel.snapshot(), state);
      await reconcile(kernel, state);
      expect(foreignPart(kernel.snapshot(), state)).toEqual(before);
    }),
    runs(300),
  );
});

test("no operation takes a working path away from a prefix that stays, whatever fails", async () => {
  await fc.assert(
    fc.asyncProperty(hosts, desired, refusals, async ({ former, since }, state, refused) => {
      const kernel = hostOf(former, since);
      const prefixes = servedSubnets(state).filter((dst) => !isTaken(kernel, state, dst));
      let reachable: readonly Prefix[] = [];
      refuse(kernel, refused, (operation) => {
        const mustBreak = isBreakNeeded(state, operation);
        reachable = mustBreak ? [] : prefixes.filter((dst) => isReachable(kernel, dst));
      });
      kernel.hooks.after = (operation) => {
        const lost = reachable.filter((dst) => !isReachable(kernel, dst));
        expect(lost, describeOperation(operation)).toEqual([]);
      };
      await reconcile(kernel, state);
      expect(prefixes.filter((dst) => !isReachable(kernel, dst))).toEqual([]);
      expect(leftToDo(state, kernel)).toEqual([]);
    }),
    runs(500),
  );
});

test("a device that can serve is adopted, never made anew", async () => {
  await fc.assert(
    fc.asyncProperty(hosts, desired, async ({ former, since }, state) => {
      const kernel = hostOf(former, since);
      kernel.hooks.before = (operation) => {
        if (operation.op !== "delete-link") return null;
        const want = state.links.find(({ name }) => name === operation.name);
        const have = kernel.links.get(operation.name);
        if (want?.kind === "vxlan" && have?.settings?.kind === "vxlan") {
          const parent = kernel.links.get(want.parent);
          const mayServe =
            have.settings.vni === want.vni &&
            have.settings.port === (want.port ?? 8472) &&
            have.settings.parentIndex === parent?.index;
          expect(mayServe, describeOperation(operation)).toBe(false);
        } else {
          expect(want).toBeUndefined();
        }
        return null;
      };
      await reconcile(kernel, state);
    }),
    runs(300),
  );
});

test("it converges when others meddle and notifications are lost, once that ends", async () => {
  const meddling = fc.array(
    fc.record({ afterOperations: fc.nat(12), act: tamperings, isUnheard: fc.boolean() }),
    {
      maxLength: 8,
    },
  );
  await fc.assert(
    fc.asyncProperty(hosts, desired, refusals, meddling, async ({ former, since }, state, refused, acts) => {
      const kernel = hostOf(former, since);
      const pending = [...acts];
      let wait = pending[0]?.afterOperations ?? 0;
      refuse(kernel, refused);
      kernel.hooks.after = () => {
        const next = pending[0];
        if (next === undefined || wait-- > 0) return;
        pending.shift();
        wait = pending[0]?.afterOperations ?? 0;
        if (next.isUnheard) kernel.loseNotifications();
        tamper(kernel, next.act);
        if (next.isUnheard) kernel.overrun();
      };
      const { clock, reconciler } = await reconcile(kernel, state);
      expect(clock.nowMs()).toBeLessThan(60_000);
      expect(reconciler.status().passes).toBeLessThan(120);
      expect(leftToDo(state, kernel)).toEqual([]);
    }),
    runs(300),
  );
});

test("whatever somebody breaks is right again within a second", async () => {
  await fc.assert(
    fc.asyncProperty(desired, fc.array(tamperings, { maxLength: 8 }), async (state, acts) => {
      const kernel = hostOf(null, []);
      await reconcile(kernel, state, async (clock) => {
        for (const act of acts) {
          tamper(kernel, act);
          await clock.sleep(1000);
          expect(leftToDo(state, kernel), act.what).toEqual([]);
        }
      });
    }),
    runs(300),
  );
});

test("a clean-up removes all that is ours and nothing else", async () => {
  await fc.assert(
    fc.asyncProperty(wishes, async (former) => {
      const kernel = hostOf(former, []);
      const before = foreignPart(kernel.snapshot(), EMPTY_STATE);
      await kernel.apply(planOperations(EMPTY_STATE, kernel.snapshot(), OWN));
      expect(foreignPart(kernel.snapshot(), EMPTY_STATE)).toEqual(before);
      expect(kernel.snapshot()).toEqual(before);
    }),
  );
});

/** Runs a reconciler until the kernel agrees, all pending notifications included, and then through `after`. */
async function reconcile(
  kernel: FakeKernel,
  state: KernelState,
  after: (clock: VirtualClock) => Promise<void> = async () => {},
) {
  const clock = new VirtualClock();
  const random = { bytes: (count: number) => new Uint8Array(count), below: () => 0 };
  const reconciler = new Reconciler({ kernel, ownership: OWN, clock, random, log: silentLog });
  const end = new AbortController();
  const running = reconciler.run(end.signal).catch((error: unknown) => {
    if (!end.signal.aborted) throw error;
  });
  reconciler.setDesired(state);
  // Two quiet seconds, so that what notifications of the last pass call for is done as well.
  const settled = async () => {
    for (let quietSince = 0; clock.nowMs() - quietSince < 2000; await clock.sleep(500, end.signal)) {
      const status = reconciler.status();
      if (!status.converged) quietSince = clock.nowMs();
      if (clock.nowMs() > DEADLINE_MS) throw new Error(`did not converge: ${JSON.stringify(status)}`);
    }
  };
  try {
    await Promise.race([settled().then(() => after(clock)), running]);
  } finally {
    end.abort(new Error("the test has ended"));
    await running;
  }
  return { clock, reconciler, passes: reconciler.status().passes };
}

function refuse(
  kernel: FakeKernel,
  refused: readonly boolean[],
  look: (operation: Operation) => void = () => {},
): void {
  const pending = [...refused];
  kernel.hooks.before = (operation) => {
    look(operation);
    if (pending.shift() !== true) return null;
    return new TweedError({ code: "EBUSY", operation: operation.op, reason: "injected", retryable: true });
  };
}

/** There is one device to a name, and neighbours go with a MAC. */
function isBreakNeeded(state: KernelState, operation: Operation): boolean {
  if (operation.op === "set-link") return operation.mac !== undefined;
  return operation.op === "delete-link" && state.links.some(({ name }) => name === operation.name);
}

/** A device that is not desired and has lost its address is nobody's to us, and so is a route by it. */
function isTaken(kernel: FakeKernel, { links }: KernelState, dst: Prefix): boolean {
  return kernel.routes.some(
    ({ dst: taken, iface }) =>
      taken === dst &&
      iface !== null &&
      OWN_DEVICES.includes(iface) &&
      !links.some(({ name }) => name === iface) &&
      !kernel.addresses.some((address) => address.iface === iface && isOwnAddress(OWN, address.ip)),
  );
}

function leftToDo(state: KernelState, kernel: FakeKernel): readonly Operation[] {
  return planOperations(state, kernel.snapshot(), OWN).filter(({ op }) => op !== "write-sysctl");
}

function foreignPart(observed: ObservedState, state: KernelState): ObservedState {
  const places = new Set(state.routes.map(({ dst }) => `${dst} ${dst.includes(":") ? 1024 : 0}`));
  const isForeign = ({ iface }: { readonly iface: string | null }) =>
    iface === null || !OWN_DEVICES.includes(iface);
  return {
    links: observed.links.filter(({ name }) => !OWN_DEVICES.includes(name)),
    addresses: observed.addresses.filter(isForeign),
    fdb: observed.fdb.filter(isForeign),
    neighbours: observed.neighbours.filter(isForeign),
    routes: observed.routes.filter(
      (route) => isForeign(route) && route.protocol !== 116 && !places.has(`${route.dst} ${route.metric}`),
    ),
  };
}
