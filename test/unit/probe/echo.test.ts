import { describe, expect, it } from "vitest";
import { decodeEchoReply, encodeEchoRequest } from "../../../src/probe/echo.ts";

const IPV4_HEADER = Buffer.from("4500002800000000400100000a000001", "hex");

/** The reply that a host would send: the type changed, behind an IP header for IPv4. */
function replyTo(family: "v4" | "v6", request: Buffer): Buffer {
  const reply = Buffer.from(request);
  reply[0] = family === "v4" ? 0 : 129;
  return family === "v4" ? Buffer.concat([IPV4_HEADER, Buffer.alloc(4), reply]) : reply;
}

describe("echo messages", () => {
  it.each(["v4", "v6"] as const)("come back as they went out (%s)", (family) => {
    const echo = { identifier: 0xbeef, count: 70_000 };
    expect(decodeEchoReply(family, replyTo(family, encodeEchoRequest(family, echo, 56)))).toEqual(echo);
  });

  it("carry a right checksum in IPv4, over the whole message", () => {
    const message = encodeEchoRequest("v4", { identifier: 1, count: 2 }, 56);
    let sum = 0;
    for (let at = 0; at < message.length; at += 2) sum += message.readUInt16BE(at);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    expect(sum).toBe(0xffff);
  });

  it.each([
    ["a request", encodeEchoRequest("v6", { identifier: 1, count: 1 }, 8)],
    ["nothing", Buffer.alloc(0)],
    ["a cut one", replyTo("v6", encodeEchoRequest("v6", { identifier: 1, count: 1 }, 8)).subarray(0, 11)],
  ])("%s is no reply", (_what, packet) => {
    expect(decodeEchoReply("v6", packet)).toBeNull();
  });

  it("an IPv4 header that claims more than there is is no reply", () => {
    expect(decodeEchoReply("v4", Buffer.from([0x4f, 0, 0, 0]))).toBeNull();
  });
});
