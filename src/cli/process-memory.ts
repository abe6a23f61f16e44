import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { openTrim } from "../kernel/libc/malloc.ts";
import type { SpareMemory } from "../runtime/spare-memory.ts";

/**
 * V8 by default trades memory for time: the young generation grows to three times 16 MiB, and the old generation may
 * quadruple before it is collected. With 5,000 peers that is 160 MB, with these flags 100 MB. While 50 of them change
 * each second, memory reaches 125 MB, and while all change their backend 133; at 40 percent 129 and 135. To optimize for
 * size makes the collector move objects out of pages of which a fifth is free, rather than most of it: 4 MB less.
 *
 * V8 reads these flags each time it decides on a size, so they also affect a running process (Heap and NewSpace in
 * src/heap of V8 11). A flag that a later V8 does not know prints a line on standard error.
 */
const FLAGS = ["--semi-space-growth-factor=1", "--heap-growing-percent=25", "--optimize-for-size"];

/** For all threads of this process, from now on. */
export function limitHeapGrowth(): void {
  for (const flag of FLAGS) setFlagsFromString(flag);
}

/**
 * Memory that this process can release. V8 releases unused memory itself, but only of a thread that allocates almost
 * nothing (0.7% of the collector's pace): the heartbeats of 5,000 kubelets are more than that. The C library does not
 * release free memory below a block in use. With those 5,000 nodes a release takes 20 ms, 17 of them V8's, and both
 * together save far more than either: 117 MB become 98, with one alone 108 or 109.
 */
export async function openProcessMemory(): Promise<SpareMemory> {
  const trim = await openTrim();
  return {
    residentBytes: () => process.memoryUsage.rss(),
    giveBack() {
      collectGarbage();
      trim?.();
    },
  };
}

/** V8 exposes its collector only to contexts made while the flag is set. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  setFlagsFromString("--no-expose-gc");
  collect();
}
