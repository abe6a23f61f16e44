/** Buffer for the headers that the fast path writes: a bump allocator that is reset as a whole. */
import { HEADERS_AT, HEADERS_BYTES } from "./layout";
import { lane } from "./lane";

let used: u32 = 0;

export function resetHeaders(): void {
  used = 0;
}

@inline export function headerBytesLeft(): u32 {
  return <u32>HEADERS_BYTES - used;
}

/** Allocates `length` bytes, rounded up to 16, so that `copyHeader` may write whole vectors. */
export function takeHeader(length: u32): usize {
  const at = lane + HEADERS_AT + used;
  used += (length + 15) & ~15;
  return at;
}

/** Copies `length` bytes rounded up to 16: the bytes read beyond the header are still within the lane. */
export function copyHeader(to: usize, from: usize, length: u32): void {
  const end = to + length;
  for (; to < end; to += 16, from += 16) v128.store(to, v128.load(from));
}
