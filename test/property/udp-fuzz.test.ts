/** Batches of packets in order, with their own oracle; test/fuzz/targets/udp-packets.ts fuzzes the bytes. */
import { randomInt } from "node:crypto";
import { expect, test } from "vitest";
import { fuzzLanes } from "../support/udp-oracle/fuzz.ts";
import { LaneBench } from "../support/udp-oracle/lane-bench.ts";
import { VIEW } from "../support/udp-oracle/topology.ts";

test("random and mutated packets: no trap, nothing outside the lane, every drop counted", async () => {
  const environment: { readonly FUZZ_SEED?: string } = process.env;
  const seed = Number(environment.FUZZ_SEED ?? randomInt(2 ** 32));
  const { egress, ingress } = fuzzLanes(await LaneBench.create(VIEW), seed, 15_000);
  // The corpus reaches deep enough: packets pass, are cut, are joined, and are dropped for most reasons.
  for (const counters of [egress, ingress]) {
    expect(counters.forwarded, `seed ${seed}`).toBeGreaterThan(1000n);
    expect(counters["super-packets"], `seed ${seed}`).toBeGreaterThan(100n);
    const reasons = Object.entries(counters).filter(
      ([name, count]) => name.startsWith("drop-") && count > 0n,
    );
    expect(reasons.length, `seed ${seed}`).toBeGreaterThan(8);
  }
});
