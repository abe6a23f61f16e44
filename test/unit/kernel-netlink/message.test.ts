import { describe, expect, it } from "vitest";
import { align, type Message, readMessages, writeMessages } from "../../../src/kernel/netlink/message.ts";

const message = (body: number[]): Message => ({
  type: 16,
  flags: 5,
  sequence: 0x01020304,
  body: Uint8Array.from(body),
});

describe("netlink messages", () => {
  it("has the header of struct nlmsghdr and pads to 4 bytes", () => {
    const bytes = writeMessages([message([0xaa])]);
    expect([...bytes]).toEqual([17, 0, 0, 0, 16, 0, 5, 0, 4, 3, 2, 1, 0, 0, 0, 0, 0xaa, 0, 0, 0]);
  });

  it("reads several messages from one datagram", () => {
    const messages = [message([1]), message([]), message([1, 2, 3, 4, 5])];
    expect(readMessages(writeMessages(messages))).toEqual(messages);
  });

  it("reads a last message whose padding is missing", () => {
    const bytes = writeMessages([message([1])]).subarray(0, 17);
    expect(readMessages(bytes)).toEqual([message([1])]);
  });

  it("reads from the middle of a larger buffer", () => {
    const bytes = writeMessages([message([7, 8])]);
    const buffer = new Uint8Array(64);
    buffer.set(bytes, 12);
    expect(readMessages(buffer.subarray(12, 12 + bytes.length))).toEqual([message([7, 8])]);
  });

  it("refuses a second message past the end, saying where", () => {
    const first = [...writeMessages([message([])])];
    expect(() => readMessages(Uint8Array.from([...first, 21, ...new Array(15).fill(0)]))).toThrow(
      "decode netlink message: length 21 with 16 bytes left",
    );
    expect(() => readMessages(Uint8Array.from([...first, 16, 0, 0]))).toThrow(
      "decode netlink message: 3 bytes where a header should be",
    );
  });

  it.each([
    ["half a header", [20, 0, 0, 0, 1]],
    ["a length below the header's", [15, 0, 0, 0, ...new Array(12).fill(0)]],
    ["a length of zero, which would never end", new Array(16).fill(0)],
    ["a length past the end", [17, 0, 0, 0, ...new Array(12).fill(0)]],
    ["a length of 4 GiB", [255, 255, 255, 255, ...new Array(12).fill(0)]],
  ])("refuses %s", (_, bytes) => {
    expect(() => readMessages(Uint8Array.from(bytes))).toThrow(
      expect.objectContaining({ code: "netlink-malformed" }),
    );
  });

  it("aligns to 4", () => {
    expect([0, 1, 4, 5, 17].map(align)).toEqual([0, 4, 4, 8, 20]);
  });
});
