import { expect, test } from "vitest";
import { countsOf, readCounter } from "../../../src/kernel/firewall/nftables/counters.ts";
import { REFUSALS } from "../../../src/kernel/firewall/refusal.ts";
import { BodyWriter } from "../../../src/kernel/netlink/body-writer.ts";
import type { Message } from "../../../src/kernel/netlink/message.ts";

/** NFT_MSG_NEWOBJ with NFTA_OBJ_NAME and, in NFTA_OBJ_DATA, a counter's NFTA_COUNTER_BYTES and _PACKETS. */
function counter(name: string, bytes: Uint8Array | null, packets: Uint8Array | null): Message {
  const body = new BodyWriter(4, () => {})
    .text(2, name)
    .nest(4, (data) => data.bytes(1, bytes).bytes(2, packets))
    .finish();
  return { type: (10 << 8) | 18, flags: 0, sequence: 1, body };
}
const u64 = (...lowest: readonly number[]) =>
  Uint8Array.from([...new Array(8 - lowest.length).fill(0), ...lowest]);

test("each has a name, and packets and bytes in network order", () => {
  expect(readCounter(counter("unknown-peer", u64(1, 44), u64(3)))).toEqual([
    "unknown-peer",
    { packets: 3, bytes: 300 },
  ]);
});

test("those that are not there counted nothing, and those of other names do not count", () => {
  const counts = countsOf([
    ["unknown-peer", { packets: 3, bytes: 300 }],
    ["not ours", { packets: 1, bytes: 1 }],
  ]);
  expect(Object.keys(counts)).toEqual([...REFUSALS]);
  expect(counts["unknown-peer"]).toEqual({ packets: 3, bytes: 300 });
  expect(counts.truncated).toEqual({ packets: 0, bytes: 0 });
});

test.each([
  ["no packets", u64(1), null],
  ["no bytes", null, u64(1)],
  ["a short number", u64(1), Uint8Array.of(1, 2, 3, 4)],
])("with %s it is malformed", (_what, bytes, packets) => {
  const read = () => readCounter(counter("x", bytes, packets));
  expect(read).toThrow(expect.objectContaining({ code: "netlink-malformed" }));
});

test("an object without data is malformed", () => {
  const body = new BodyWriter(4, () => {}).text(2, "x").finish();
  const read = () => readCounter({ type: (10 << 8) | 18, flags: 0, sequence: 1, body });
  expect(read).toThrow(expect.objectContaining({ code: "netlink-malformed" }));
});
