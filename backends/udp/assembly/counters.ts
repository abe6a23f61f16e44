/** Counters of this lane: 64-bit, one writer, so a plain add is enough and readers never see half of one. */
import { counters } from "./lane";

export function count(counter: u32): void {
  add(counter, 1);
}

export function add(counter: u32, amount: u64): void {
  const at = counters + (counter << 3);
  store<u64>(at, load<u64>(at) + amount);
}
