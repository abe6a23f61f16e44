/** A plan with the memory of earlier plans is the plan without it, whatever changes between two snapshots. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { networkRules, type PlanContext, planNetwork } from "../../src/agent/network-plan.ts";
import { PlanMemory } from "../../src/agent/plan-memory.ts";
import { activateBackend } from "../../src/agent/switch-over/active-backend.ts";
import { parseNetworkConfig } from "../../src/config/network-config.ts";
import type { Holders } from "../../src/lease/holders.ts";
import type { BackendOffer, Lease } from "../../src/lease/lease.ts";
import { formatSubnetKey } from "../../src/lease/subnet-key.ts";
import type { DualPrefix, Ipv4, Ipv4Prefix, Ipv6, Ipv6Prefix } from "../../src/net/index.ts";
import type { JsonObject } from "../../src/runtime/json.ts";
import { sampleNode } from "../support/sample-node.ts";

const configOf = (backend: JsonObject) =>
  parseNetworkConfig(
    JSON.stringify({
      Network: "10.244.0.0/16",
      EnableIPv6: true,
      IPv6Network: "fd00:10:244::/48",
      Backend: backend,
    }),
    "test",
  );
const VXLAN = activateBackend(configOf({ Type: "vxlan" }));
const HOST_GW = activateBackend(configOf({ Type: "host-gw" }));

/** Few values, so that leases meet in all of them. */
const few = fc.integer({ min: 0, max: 5 });
const subnets = fc.record({
  v4: fc.option(few.map((each) => `10.244.${each}.0/24` as Ipv4Prefix)),
  v6: fc.option(few.map((each) => `fd00:10:244:${each}::/64` as Ipv6Prefix)),
}) as fc.Arbitrary<DualPrefix>;
const publicIps = fc.record({
  v4: fc.option(few.map((each) => `198.18.1.${each}` as Ipv4)),
  v6: fc.option(few.map((each) => `fd00:198:18::10${each}` as Ipv6)),
});
const data = few.map((each) => (each === 5 ? null : { VNI: 1, VtepMAC: `02:00:00:00:04:0${each}` }));
const offer: fc.Arbitrary<BackendOffer> = fc.record({
  type: fc.constantFrom("vxlan", "vxlan", "host-gw", "unknown"),
  data: fc.record({ v4: data, v6: data }),
});
const lease = fc
  .record({
    subnets: subnets.filter(({ v4, v6 }) => v4 !== null || v6 !== null),
    publicIps,
    claimedAt: fc.bigInt(0n, 3n),
    offers: fc.tuple(offer, fc.array(offer, { maxLength: 1 })).map(([one, more]) => [one, ...more] as const),
  })
  .map((content): Lease => ({ ...content, key: formatSubnetKey(content.subnets) }));

type Context = Pick<PlanContext, "node" | "receiving" | "published" | "checksReversePath">;
const context = fc.record<Context>({
  node: fc.constantFrom(
    sampleNode(),
    sampleNode(),
    sampleNode({ publicIps: { v4: "198.18.1.3" as Ipv4, v6: null } }),
    sampleNode({ underlay: [] }),
  ),
  receiving: fc.constantFrom([VXLAN], [VXLAN, HOST_GW]),
  published: fc.constantFrom([VXLAN], [HOST_GW, VXLAN]),
  checksReversePath: fc.boolean(),
});

/** What changes from one snapshot to the next: leases that are written, and the key of one that is deleted. */
const step = fc.record({ written: fc.array(lease, { maxLength: 3 }), deleted: fc.nat(9), context });

it("equals a plan without it", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
      const memory = new PlanMemory();
      const table = new Map<string, Lease>();
      let holders: Holders | null = null;
      let remembered: Holders | null = null;
      for (const { written, deleted, context: given } of steps) {
        table.delete([...table.keys()][deleted] ?? "");
        for (const each of written) table.set(each.key, each);
        const snapshot = { leases: [...table.values()], junk: [] };
        const inputs: PlanContext = {
          ...given,
          ownKey: "own",
          rules: networkRules(configOf({ Type: "vxlan" }), false),
          keepsBlackholes: true,
          holders,
        };
        const expected = planNetwork(snapshot, inputs);
        const plan = planNetwork(snapshot, { ...inputs, holders: remembered, memory });
        expect({ ...plan, holders: entriesOf(plan.holders) }).toEqual({
          ...expected,
          holders: entriesOf(expected.holders),
        });
        holders = expected.holders;
        remembered = plan.holders;
      }
    }),
  );
});

/** In no order of their own. */
function entriesOf(holders: Holders): readonly string[] {
  return Array.from(holders, ([value, key]) => `${value} ${key}`).sort();
}
