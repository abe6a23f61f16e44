/** The vectorised checksum against the plain one. */
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { compileFastPath } from "../../backends/udp/compiled-fast-path.ts";
import { createFastPath, type FastPathExports, instantiate } from "../../backends/udp/fast-path.ts";
import { checksumOf } from "../../bench/packets/bytes.ts";

let exports: FastPathExports;
let memory: Uint8Array;
let start: number;
beforeAll(async () => {
  const shared = createFastPath(await compileFastPath(), { queues: 1, peersMax: 1 });
  exports = instantiate(shared);
  memory = new Uint8Array(shared.memory.buffer);
  start = shared.lanes[0]?.start ?? 0;
});

function fastChecksum(at: number, length: number): number {
  const folded = exports.fold(exports.sum(at, length));
  // The sum is in the machine's order.
  return 0xffff - (((folded & 255) << 8) | (folded >>> 8));
}

test("any bytes, any length, any alignment", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.uint8Array({ minLength: 1300, maxLength: 1500, size: "max" }),
  );
  fc.assert(
    fc.property(bytes, fc.integer({ min: 0, max: 63 }), (some, shift) => {
      memory.set(some, start + shift);
      expect(fastChecksum(start + shift, some.length)).toBe(checksumOf(some));
    }),
  );
});

test("64 KiB of ones do not overflow", () => {
  const ones = new Uint8Array(65_536).fill(255);
  memory.set(ones, start);
  expect(fastChecksum(start, ones.length)).toBe(checksumOf(ones));
});
