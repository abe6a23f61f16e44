/** Bytes, by simple code: nothing here is shared with the code under test. */

/** The Internet checksum as defined in RFC 1071 section 1: a complement of the sum of big-endian words. */
export function checksumOf(...parts: readonly Uint8Array[]): number {
  const bytes = concat(...parts);
  let total = 0;
  for (let index = 0; index < bytes.length; index += 2) {
    total += byte(bytes, index) * 256 + (index + 1 < bytes.length ? byte(bytes, index + 1) : 0);
    if (total > 0xffff) total -= 0xffff;
  }
  return 0xffff - total;
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

export function byte(bytes: Uint8Array, index: number): number {
  const value = bytes[index];
  if (value === undefined) throw new RangeError(`byte ${index} of ${bytes.length}`);
  return value;
}

export function get16(bytes: Uint8Array, index: number): number {
  return byte(bytes, index) * 256 + byte(bytes, index + 1);
}

export function get32(bytes: Uint8Array, index: number): number {
  return get16(bytes, index) * 65536 + get16(bytes, index + 2);
}

export function set16(bytes: Uint8Array, index: number, value: number): void {
  bytes[index] = (value >>> 8) & 255;
  bytes[index + 1] = value & 255;
}

export function set32(bytes: Uint8Array, index: number, value: number): void {
  set16(bytes, index, Math.floor(value / 65536) & 0xffff);
  set16(bytes, index + 2, value & 0xffff);
}

/** For comparison and print. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
