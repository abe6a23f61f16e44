/**
 * Records the senders of refused packets, for the log. A hash of the address selects its slot: the packets of one
 * sender take one slot, and a flood of forged senders overwrites others. The main thread reads and clears the slots
 * while the lane runs, so an IPv6 address may be torn, half of it another's.
 */
import { DROP_FOREIGN_SOURCE } from "./counter-index";
import { lane } from "./lane";
import { REFUSED_AT, REFUSED_MAX } from "./layout";

/** `reason` is the counter of the drop: an unknown peer or a foreign source. */
export function noteRefused(reason: u32, address: v128): void {
  const low = u64(i64x2.extract_lane(address, 0)) ^ u64(i64x2.extract_lane(address, 1));
  const place = u32((low * 0x9e3779b97f4a7c15) >> 32) & (REFUSED_MAX - 1);
  const row = reason == DROP_FOREIGN_SOURCE ? place + REFUSED_MAX : place;
  v128.store(lane + REFUSED_AT + row * 16, address);
}
