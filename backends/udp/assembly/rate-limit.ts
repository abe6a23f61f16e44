/**
 * At most 100 ICMP errors in any second, over all lanes together: a burst of 10, then 90 a second. This is the generic
 * cell rate algorithm, whose whole state is one number, the time at which the next one is due, so a compare-and-swap
 * suffices.
 */
import { nowMicros } from "./lane";
import { ICMP_DUE_AT } from "./layout";

const INTERVAL_MICROS: i64 = 11112; // 1 s / 90, rounded up
const TOLERANCE_MICROS: i64 = INTERVAL_MICROS * 9;

/** True if one more may be sent now. */
export function mayAnswer(): bool {
  while (true) {
    const due = atomic.load<i64>(ICMP_DUE_AT);
    if (due > nowMicros + TOLERANCE_MICROS) return false;
    const next = (due > nowMicros ? due : nowMicros) + INTERVAL_MICROS;
    if (atomic.cmpxchg<i64>(ICMP_DUE_AT, due, next) == due) return true;
  }
}
