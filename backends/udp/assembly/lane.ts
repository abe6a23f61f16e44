/**
 * State of an instance: its lane, and the lane's offset and native address. An instance belongs to one lane, so these
 * are ordinary globals of the instance, not shared.
 */
import {
  ACTIVE_TABLE_AT,
  COUNTERS_AT,
  COUNTERS_BYTES,
  INNER_AT,
  MESSAGES4_COUNT_AT,
  PINS_AT,
  PIN_BYTES,
  TABLES_AT,
  WRITES_COUNT_AT,
} from "./layout";

/** Start of the lane. */
export let lane: usize = 0;
/** Native address of byte 0 of the memory, to which offsets are added for an iovec's base. */
export let native: u64 = 0;
export let counters: usize = 0;
/** OFFLOAD bits. */
export let offloads: u32 = 0;
/** The table in force for this batch. */
export let table: usize = 0;
/** Monotonic microseconds at the start of this batch. */
export let nowMicros: i64 = 0;

let pin: usize = 0;
let tableBytes: usize = 0;

export function bind(index: u32, start: usize, bytesPerTable: usize, nativeBase: u64): void {
  lane = start;
  native = nativeBase;
  counters = COUNTERS_AT + index * COUNTERS_BYTES;
  pin = PINS_AT + index * PIN_BYTES;
  tableBytes = bytesPerTable;
  atomic.store<u32>(pin, 0);
}

export function setOffloads(bits: u32): void {
  offloads = bits;
}

/**
 * Pins the table in force until `endPass`, so that the builder does not reuse it. The pin is set before the second
 * load: either the builder sees the pin, or this sees the table that the builder has put in force.
 */
export function beginPass(nowMs: f64): void {
  let active: u32;
  do {
    active = atomic.load<u32>(ACTIVE_TABLE_AT);
    atomic.store<u32>(pin, active + 1);
  } while (atomic.load<u32>(ACTIVE_TABLE_AT) != active);
  table = <usize>TABLES_AT + usize(active) * tableBytes;
  nowMicros = i64(nowMs * 1000);
  store<u64>(lane + MESSAGES4_COUNT_AT, 0);
  store<u32>(lane + WRITES_COUNT_AT, 0);
}

export function endPass(): void {
  atomic.store<u32>(pin, 0);
}

@inline export function has(offload: u32): bool {
  return (offloads & offload) != 0;
}

@inline export function innerAt(): usize {
  return lane + INNER_AT;
}
