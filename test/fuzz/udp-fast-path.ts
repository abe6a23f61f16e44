/**
 * Fuzzes the fast path for long: `npm run fuzz:udp [packets] [seed]`, by default 2 million packets each way and a
 * seed of the moment. Prints the seed, and what became of the packets.
 */
import { randomInt } from "node:crypto";
import type { Counters } from "../../backends/udp/counters.ts";
import { fuzzLanes } from "../support/udp-oracle/fuzz.ts";
import { LaneBench } from "../support/udp-oracle/lane-bench.ts";
import { VIEW } from "../support/udp-oracle/topology.ts";

const packets = Number(process.argv[2] ?? 2_000_000);
const seed = Number(process.argv[3] ?? randomInt(2 ** 32));
console.log(`${packets} packets each way, seed ${seed}`);

const started = performance.now();
const result = fuzzLanes(await LaneBench.create(VIEW), seed, packets);
console.log(`done in ${Math.round((performance.now() - started) / 1000)} s`);
print("egress", result.egress);
print("ingress", result.ingress);

function print(direction: string, counters: Counters): void {
  const used = Object.entries(counters).filter(([, count]) => count > 0n);
  console.log(`${direction}: ${used.map(([name, count]) => `${name} ${count}`).join(", ")}`);
}
