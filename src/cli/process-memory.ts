import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { openTrim } from "../kernel/libc/malloc.ts";
import type { SpareMemory } from "../runtime/spare-memory.ts";

/**
 * V8 by default takes memory to save time: the space for young objects grows to three times 16 MiB, and the old
 * ones may quadruple before they are looked at. With 5,000 peers that is 160 MB, with these flags 102 MB. The price,
 * on one changed peer of those, is 10 ms more on the main thread; at 40 percent it is 20 ms for no less memory, at
 * 100 as much as at 60 for 20 MB more.
 *
 * V8 reads both each time it decides on a size, so they work on a process that has started (Heap and NewSpace in
 * src/heap of V8 11); one that a later V8 does not know costs a line on standard error.
 */
const FLAGS = ["--semi-space-growth-factor=1", "--heap-growing-percent=60"];

/** For the whole process and every thread of it, from now on. */
export function keepHeapSmall(): void {
  for (const flag of FLAGS) setFlagsFromString(flag);
}

/**
 * What this process could do without. V8 gives back by itself what it no longer needs, but only to a thread that
 * allocates next to nothing (0.7% of the collector's pace): the heartbeats of 5,000 kubelets are more than that. The
 * C library keeps what was freed below anything that is in use. Among those 5,000 nodes giving back takes 20 ms, 17
 * of them V8's, and both together are worth far more than either: 117 MB become 98, with one alone 108 or 109.
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

/** V8 hands its collector out to contexts made while the flag is set, and to no others. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  setFlagsFromString("--no-expose-gc");
  collect();
}
