import { describe, expect, it } from "vitest";
import { readAcknowledgement } from "../../../src/kernel/netlink/acknowledgement.ts";
import { type Message, NLM_F, NLMSG } from "../../../src/kernel/netlink/message.ts";
import { acknowledge, done } from "../../support/fake-netlink.ts";

const request: Message = { type: 16, flags: 1, sequence: 9, body: new Uint8Array(21) };

describe("an acknowledgement", () => {
  it("of success has errno 0", () => {
    expect(readAcknowledgement(acknowledge(request))).toEqual({ errno: 0, text: "" });
  });

  it("of failure has a positive errno", () => {
    expect(readAcknowledgement(acknowledge(request, 17))).toEqual({ errno: 17, text: "" });
  });

  it.each([true, false])("has the kernel's own text behind the quoted request (capped: %s)", (capped) => {
    const message = acknowledge(request, 22, { text: "Invalid source address", capped });
    expect(readAcknowledgement(message)).toEqual({ errno: 22, text: "Invalid source address" });
  });

  it("at the end of a dump may be empty", () => {
    expect(readAcknowledgement({ ...done(request), body: new Uint8Array(0) })).toEqual({
      errno: 0,
      text: "",
    });
  });

  it("at the end of a dump carries its error, and text right behind it", () => {
    expect(readAcknowledgement(done(request, 2))).toEqual({ errno: 2, text: "" });
    const body = Uint8Array.from([0xea, 0xff, 0xff, 0xff, 8, 0, 1, 0, 110, 111, 33, 0]);
    const message = { ...done(request), flags: NLM_F.multi | NLM_F.ackTlvs, body };
    expect(readAcknowledgement(message)).toEqual({ errno: 22, text: "no!" });
  });

  it("without text has none, whatever follows the request", () => {
    const message = acknowledge(request, 22, { text: "Invalid source address" });
    expect(readAcknowledgement({ ...message, flags: message.flags & ~NLM_F.ackTlvs })).toEqual({
      errno: 22,
      text: "",
    });
  });

  it("with attributes other than text has none", () => {
    const { body, ...rest } = acknowledge(request, 22, { text: "x" });
    // NLMSGERR_ATTR_OFFS
    body[body.length - 6] = 2;
    expect(readAcknowledgement({ ...rest, body })).toEqual({ errno: 22, text: "" });
  });

  it("that quotes a header only, in full or capped, may end there", () => {
    const bare = { ...request, body: new Uint8Array(0) };
    for (const flags of [NLM_F.ackTlvs, NLM_F.ackTlvs | NLM_F.capped]) {
      expect(readAcknowledgement({ ...acknowledge(bare, 22), flags })).toEqual({ errno: 22, text: "" });
    }
  });

  it("that is capped has its text behind the header, whatever length the request had", () => {
    const { body, ...rest } = acknowledge(request, 22, { text: "no", capped: true });
    new DataView(body.buffer).setUint32(4, 0xffff_ffff, true);
    expect(readAcknowledgement({ ...rest, body })).toEqual({ errno: 22, text: "no" });
  });

  it.each([
    ["no errno", new Uint8Array(3), 0, "3 bytes"],
    ["a positive errno", Uint8Array.from([17, 0, 0, 0]), 0, "the error number 17 is positive"],
    ["no quoted header", new Uint8Array(19), NLM_F.ackTlvs, "19 bytes"],
    [
      "a quoted length past the end",
      Uint8Array.from([0, 0, 0, 0, 17, ...new Array(15).fill(0)]),
      NLM_F.ackTlvs,
      "quotes a request of 17 bytes in 20",
    ],
    [
      "a quoted length below a header",
      Uint8Array.from([0, 0, 0, 0, 15, ...new Array(15).fill(0)]),
      NLM_F.ackTlvs,
      "quotes a request of 15 bytes in 20",
    ],
    [
      "broken attributes",
      Uint8Array.from([0, 0, 0, 0, 16, ...new Array(15).fill(0), 1]),
      NLM_F.ackTlvs,
      "1 stray bytes after the attributes",
    ],
  ])("is refused with %s", (_, body, flags, reason) => {
    const message: Message = { type: NLMSG.error, flags, sequence: 9, body };
    expect(() => readAcknowledgement(message)).toThrow(
      expect.objectContaining({
        code: "netlink-malformed",
        message: `decode acknowledgement: ${reason}`,
      }),
    );
  });
});
