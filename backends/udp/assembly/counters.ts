/** Counters of this lane: 64-bit with one writer, so a plain add suffices and readers never see a torn value. */
import { counters } from "./lane";

export function count(counter: u32): void {
  add(counter, 1);
}

export function add(counter: u32, amount: u64): void {
  const at = counters + (counter << 3);
  store<u64>(at, load<u64>(at) + amount);
}
