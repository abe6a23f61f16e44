/** Lists of struct iovec, written once and passed to the kernel in place. */
import { IOVECS_AT, IOVEC_BYTES } from "./layout";
import { lane, native } from "./lane";

@unmanaged export class Iovec {
  base: u64;
  length: u64;
}

let used: u32 = 0;

export function resetIovecs(): void {
  used = 0;
}

/** Address of the next iovec: the start of a list. */
@inline export function nextIovec(): usize {
  return lane + IOVECS_AT + used * IOVEC_BYTES;
}

@inline export function pushIovec(at: usize, length: u32): void {
  setIovec(nextIovec(), at, length);
  used++;
}

@inline export function setIovec(iovec: usize, at: usize, length: u32): void {
  changetype<Iovec>(iovec).base = native + at;
  changetype<Iovec>(iovec).length = length;
}
