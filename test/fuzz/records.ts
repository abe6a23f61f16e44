/** Inputs of several parts: separated by control characters, which neither JSON nor keys contain raw. */

const RECORD = 0x1e;
const UNIT = 0x1f;

/** The first `max` parts: of separators alone there could be one for each byte. */
export function split(
  input: Uint8Array,
  separator: number,
  max: number = Number.POSITIVE_INFINITY,
): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let start = 0;
  for (let at = input.indexOf(separator); at >= 0; at = input.indexOf(separator, start)) {
    parts.push(input.subarray(start, at));
    if (parts.length === max) return parts;
    start = at + 1;
  }
  parts.push(input.subarray(start));
  return parts;
}

export function splitRecords(input: Uint8Array, max?: number): Uint8Array[] {
  return split(input, RECORD, max);
}

export interface NamedValue {
  readonly name: Uint8Array;
  readonly value: Uint8Array;
}

/** Names with their values; at most `max`, so that the work is that of the bytes. */
export function readEntries(input: Uint8Array, max: number): NamedValue[] {
  return splitRecords(input, max).map((record) => {
    const at = record.indexOf(UNIT);
    return at < 0
      ? { name: record, value: new Uint8Array(0) }
      : { name: record.subarray(0, at), value: record.subarray(at + 1) };
  });
}

/** Each record as an input of its own. */
export function partsOfRecords(input: Uint8Array, max: number): readonly Uint8Array[] {
  return splitRecords(input, max);
}

export function writeRecords(...records: readonly string[]): Uint8Array {
  return new Uint8Array(Buffer.from(records.join(String.fromCharCode(RECORD))));
}

export function entry(name: string, value: string): string {
  return name + String.fromCharCode(UNIT) + value;
}
