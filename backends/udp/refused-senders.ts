/**
 * Senders of packets that the data plane refused, as its ingress lanes record them; see assembly/refused-senders.ts.
 */
import { type Ip, ipFromBytes } from "../../src/net/index.ts";
import { REFUSED_AT, REFUSED_MAX } from "./assembly/layout.ts";
import { type CounterName, readCounters } from "./counters.ts";
import type { SharedFastPath } from "./fast-path.ts";

/** Both are reasons of the packet filter as well. */
const REASONS = ["unknown-peer", "foreign-source"] as const;
export type SenderRefusal = (typeof REASONS)[number];

const COUNTERS = {
  "unknown-peer": "drop-unknown-peer",
  "foreign-source": "drop-foreign-source",
} satisfies Record<SenderRefusal, CounterName>;

const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** Refused packets by reason, since the memory was created. */
export function countRefused({ memory, lanes }: SharedFastPath): Record<SenderRefusal, { packets: number }> {
  const counts = { "unknown-peer": { packets: 0 }, "foreign-source": { packets: 0 } };
  for (const [index, { direction }] of lanes.entries()) {
    if (direction !== "ingress") continue;
    const counters = readCounters(memory, index);
    for (const reason of REASONS) counts[reason].packets += Number(counters[COUNTERS[reason]]);
  }
  return counts;
}

/** Outer source addresses since the last call; a sample where there are many. */
export function takeRefusedSenders({ memory, lanes }: SharedFastPath, reason: SenderRefusal): readonly Ip[] {
  const found = new Set<Ip>();
  const first = REASONS.indexOf(reason) * REFUSED_MAX;
  for (const { direction, start } of lanes) {
    if (direction !== "ingress") continue;
    for (let row = first; row < first + REFUSED_MAX; row++) {
      const place = new Uint8Array(memory.buffer, start + REFUSED_AT + row * 16, 16);
      const bytes = place.slice();
      if (bytes.every((byte) => byte === 0)) continue;
      place.fill(0);
      found.add(ipFromBytes(MAPPED.every((byte, at) => bytes[at] === byte) ? bytes.subarray(12) : bytes));
    }
  }
  return [...found];
}
