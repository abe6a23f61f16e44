import { describe, expect, it } from "vitest";
import { Attributes, attributeList, readBody } from "../../../src/kernel/netlink/attributes.ts";
import { BodyWriter } from "../../../src/kernel/netlink/body-writer.ts";
import { parseIp, parseMac } from "../../../src/net/index.ts";

const written = (write: (writer: BodyWriter) => void): Uint8Array => {
  const writer = new BodyWriter(0, () => {});
  write(writer);
  return writer.finish();
};
const attributes = (write: (writer: BodyWriter) => void) => new Attributes(written(write), "test");
const isMalformed = expect.objectContaining({ code: "netlink-malformed" });

describe("attributes", () => {
  it("come back as they were written", () => {
    const read = attributes((writer) =>
      writer
        .u8(1, 200)
        .u32(2, 0xdeadbeef)
        .u16BigEndian(3, 8472)
        .text(4, "flannel.1")
        .ip(5, parseIp("10.244.3.0"))
        .ip(6, parseIp("fd00::1"))
        .mac(7, parseMac("0e:52:a1:00:00:07"))
        .flag(8, true)
        .flag(9, false),
    );
    expect(read.u8(1)).toBe(200);
    expect(read.u32(2)).toBe(0xdeadbeef);
    expect(read.u16BigEndian(3)).toBe(8472);
    expect(read.text(4)).toBe("flannel.1");
    expect(read.ip(5)).toBe("10.244.3.0");
    expect(read.ip(6)).toBe("fd00::1");
    expect(read.mac(7)).toBe("0e:52:a1:00:00:07");
    expect(read.has(8)).toBe(true);
    expect(read.has(9)).toBe(false);
  });

  it("have a length that includes the header and padding that does not count", () => {
    expect([...written((writer) => writer.u8(1, 7))]).toEqual([5, 0, 1, 0, 7, 0, 0, 0]);
    expect([...written((writer) => writer.u16BigEndian(15, 8472))]).toEqual([6, 0, 15, 0, 0x21, 0x18, 0, 0]);
  });

  it("nest, with a length over all that is inside", () => {
    const bytes = written((writer) => writer.nest(18, (inner) => inner.text(1, "vxlan").u8(2, 1)).u8(3, 9));
    const read = new Attributes(bytes, "test");
    const inner = read.nested(18, "inner");
    expect(inner?.text(1)).toBe("vxlan");
    expect(inner?.u8(2)).toBe(1);
    expect(read.u8(3)).toBe(9);
    expect(bytes[0]).toBe(4 + 12 + 8);
  });

  it("leave out what is null and answer null for what is absent", () => {
    const bytes = written((writer) => writer.u8(1, null).u32(2, null).text(3, null).ip(4, null).mac(5, null));
    expect(bytes).toHaveLength(0);
    const read = new Attributes(bytes, "test");
    expect([read.u8(1), read.u32(2), read.text(3), read.ip(4), read.mac(5)]).toEqual(new Array(5).fill(null));
    expect(read.nested(6, "inner")).toBeNull();
  });

  it("drop the bits that say nested or big-endian, and let the later of two win", () => {
    const bytes = written((writer) =>
      writer
        .u8(1, 7)
        .u8(0x8000 | 1, 8)
        .u8(0x4000 | 2, 9),
    );
    const read = new Attributes(bytes, "test");
    expect([read.u8(1), read.u8(2)]).toEqual([8, 9]);
  });

  it("grow past their first room", () => {
    const text = "x".repeat(5000);
    expect(attributes((writer) => writer.text(1, text).u8(2, 3)).text(1)).toBe(text);
  });

  it("end text at the first NUL, and take text without one", () => {
    const read = attributes((writer) =>
      writer.bytes(1, Uint8Array.from([101, 116, 104, 0, 120])).bytes(2, Uint8Array.from([108, 111])),
    );
    expect([read.text(1), read.text(2)]).toEqual(["eth", "lo"]);
    expect(attributes((writer) => writer.bytes(1, Uint8Array.from([0, 120]))).text(1)).toBe("");
  });

  it.each([
    ["a length below the header's", [3, 0, 1, 0], "an attribute of 3 bytes with 4 left"],
    ["a length of zero, which would never end", [0, 0, 1, 0], "an attribute of 0 bytes with 4 left"],
    ["a length past the end", [9, 0, 1, 0, 0, 0, 0, 0], "an attribute of 9 bytes with 8 left"],
    ["a second length past the end", [4, 0, 1, 0, 5, 0, 1, 0], "an attribute of 5 bytes with 4 left"],
    ["half a header", [5, 0, 1], "3 stray bytes after the attributes"],
    ["stray bytes at the end", [4, 0, 1, 0, 0], "1 stray bytes after the attributes"],
  ])("are refused with %s", (_, bytes, reason) => {
    const read = () => new Attributes(Uint8Array.from(bytes), "test");
    expect(read).toThrow(isMalformed);
    expect(read).toThrow(`decode test: ${reason}`);
  });

  it("are refused with a value of the wrong size", () => {
    const read = attributes((writer) => writer.bytes(1, new Uint8Array(3)));
    expect(() => read.u8(1)).toThrow(isMalformed);
    expect(() => read.u32(1)).toThrow(/attribute 1 has 3 bytes, not 4/);
    expect(() => read.u16BigEndian(1)).toThrow(isMalformed);
    expect(() => read.ip(1)).toThrow("attribute 1 has 3 bytes, not 4 or 16");
  });

  it("give no MAC for a link-layer address that is not Ethernet's", () => {
    expect(attributes((writer) => writer.bytes(1, new Uint8Array(20))).mac(1)).toBeNull();
  });
});

describe("numbers in network order", () => {
  it("are signed where they are nf_tables'", () => {
    const read = attributes((writer) =>
      writer
        .bytes(1, Uint8Array.from([0xff, 0xff, 0xff, 0xfb]))
        .bytes(2, Uint8Array.from([0, 0, 1, 2]))
        .u8(3, 1),
    );
    expect([read.i32BigEndian(1), read.i32BigEndian(2), read.i32BigEndian(4)]).toEqual([-5, 258, null]);
    expect(() => read.i32BigEndian(3)).toThrow("attribute 3 has 1 bytes, not 4");
  });
});

describe("a list of nests", () => {
  const elements = (bytes: readonly number[]) =>
    Array.from(attributeList(Uint8Array.from(bytes), "test"), (element) => element.text(1));

  it("has its elements in order, whatever their types, padding between them", () => {
    const bytes = written((writer) =>
      writer
        .nest(1, (inner) => inner.text(1, "one"))
        .nest(1, (inner) => inner.bytes(1, Uint8Array.from([116, 119, 111, 51, 52])))
        .nest(7, () => {}),
    );
    expect(elements([...bytes])).toEqual(["one", "two34", null]);
    expect(elements([])).toEqual([]);
    expect([...attributeList(null, "test")]).toEqual([]);
  });

  it.each([
    ["a length below the header's", [3, 0, 1, 0], "an element of 3 bytes with 4 left"],
    ["a length of zero, which would never end", [0, 0, 1, 0], "an element of 0 bytes with 4 left"],
    ["a length past the end", [5, 0, 1, 0], "an element of 5 bytes with 4 left"],
    ["a second length past the end", [4, 0, 1, 0, 9, 0, 1, 0], "an element of 9 bytes with 4 left"],
    ["half a header", [4, 0, 1, 0, 4, 0, 1], "an element of 0 bytes with 3 left"],
  ])("is refused with %s", (_, bytes, reason) => {
    expect(() => elements(bytes)).toThrow(isMalformed);
    expect(() => elements(bytes)).toThrow(`decode test: ${reason}`);
  });
});

describe("a body", () => {
  it("splits into struct and attributes", () => {
    const writer = new BodyWriter(8, (struct) => struct.setUint32(4, 0x01020304, true)).u8(1, 5);
    const { struct, attributes: read } = readBody(writer.finish(), 8, "test");
    expect(struct.getUint32(4, true)).toBe(0x01020304);
    expect(read.u8(1)).toBe(5);
  });

  it("is refused when it is shorter than the struct", () => {
    expect(() => readBody(new Uint8Array(7), 8, "route")).toThrow(/decode route: 7 bytes of at least 8/);
  });
});
