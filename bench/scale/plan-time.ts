import type { LeaseSnapshot } from "../../src/lease/lease.ts";
import { networkPlanner } from "../control/in-process.ts";
import { leaseOf, type SyntheticNodes } from "./synthetic-nodes.ts";

const ROUNDS = 20;

/** The time to plan for a snapshot in which one lease has changed since the last; the median of some rounds. */
export function timePlan(nodes: SyntheticNodes): number {
  const leases = nodes.all.map(leaseOf);
  const plan = networkPlanner();
  plan({ leases, junk: [] });
  const tookMs: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const index = (round * 37) % leases.length;
    const node = nodes.all[index];
    if (node === undefined) throw new Error("a network without nodes");
    const snapshot: LeaseSnapshot = {
      leases: leases.with(index, leaseOf({ ...node, mac: node.mac + 1 })),
      junk: [],
    };
    const startedMs = performance.now();
    plan(snapshot);
    tookMs.push(performance.now() - startedMs);
  }
  return tookMs.sort((a, b) => a - b)[ROUNDS >> 1] ?? 0;
}
