import { describe, expect, it } from "vitest";
import { BodyWriter } from "../../../src/kernel/netlink/body-writer.ts";
import { decodeRule, encodeRuleQuery } from "../../../src/kernel/netlink/rule.ts";
import { parseIp } from "../../../src/net/index.ts";

interface Header {
  readonly family?: number;
  readonly destinationLength?: number;
  readonly sourceLength?: number;
  readonly tos?: number;
  readonly table?: number;
  readonly action?: number;
  readonly flags?: number;
}

function rule(header: Header, write: (writer: BodyWriter) => void = () => {}): Uint8Array {
  const writer = new BodyWriter(12, (struct) => {
    struct.setUint8(0, header.family ?? 2);
    struct.setUint8(1, header.destinationLength ?? 0);
    struct.setUint8(2, header.sourceLength ?? 0);
    struct.setUint8(3, header.tos ?? 0);
    struct.setUint8(4, header.table ?? 254);
    struct.setUint8(7, header.action ?? 1);
    struct.setUint32(8, header.flags ?? 0, true);
  });
  write(writer);
  return writer.finish();
}

const FOR_ALL = {
  family: "v4",
  priority: 0,
  action: 1,
  table: 254,
  source: null,
  destination: null,
  inputDevice: null,
  hasOtherSelectors: false,
  isInverted: false,
  suppressedLength: null,
};

describe("a rule", () => {
  it("without attributes is for every packet", () => {
    expect(decodeRule(rule({}))).toEqual(FOR_ALL);
    expect(decodeRule(rule({ family: 10, table: 0, action: 8 }))).toEqual({
      ...FOR_ALL,
      family: "v6",
      table: 0,
      action: 8,
    });
  });

  it("has addresses, input device, priority and table", () => {
    const bytes = rule({ sourceLength: 24, destinationLength: 16, table: 252 }, (writer) =>
      writer
        .ip(1, parseIp("10.244.0.0"))
        .ip(2, parseIp("192.0.2.77"))
        .text(3, "cni0")
        .u32(6, 32764)
        .u32(15, 51820),
    );
    expect(decodeRule(bytes)).toEqual({
      ...FOR_ALL,
      destination: "10.244.0.0/16",
      source: "192.0.2.0/24",
      inputDevice: "cni0",
      priority: 32764,
      table: 51820,
    });
  });

  it.each([10, 12, 17, 19, 20, 22, 23, 24])("has another selector in attribute %i", (type) => {
    expect(decodeRule(rule({}, (writer) => writer.u32(type, 0)))).toEqual({
      ...FOR_ALL,
      hasOtherSelectors: true,
    });
  });

  it("has another selector in its type of service", () => {
    expect(decodeRule(rule({ tos: 4 }))).toEqual({ ...FOR_ALL, hasOtherSelectors: true });
  });

  it.each([
    [0, false],
    [1, false],
    [2, true],
    [3, true],
  ])("with flags %i is inverted: %s", (flags, isInverted) => {
    expect(decodeRule(rule({ flags }))).toEqual({ ...FOR_ALL, isInverted });
  });

  it.each([
    [0, 0],
    [32, 32],
    [128, 128],
    [129, null],
    [0xffffffff, null],
  ])("that suppresses %i suppresses prefixes up to %s", (value, suppressedLength) => {
    expect(decodeRule(rule({}, (writer) => writer.u32(14, value)))).toEqual({ ...FOR_ALL, suppressedLength });
  });

  it.each([
    [rule({ family: 0 }), "decode rule: family 0 is not IP"],
    [rule({ sourceLength: 33 }), "decode rule: prefix length 33 in IPv4"],
    [rule({ destinationLength: 33 }), "decode rule: prefix length 33 in IPv4"],
    [new Uint8Array(11), "decode rule: 11 bytes of at least 12"],
  ])("is refused: %#", (bytes, reason) => {
    expect(() => decodeRule(bytes)).toThrow(reason);
  });
});

it("the rules of a family are asked for by its number", () => {
  expect([...encodeRuleQuery("v4")]).toEqual([2, ...new Array(11).fill(0)]);
  expect([...encodeRuleQuery("v6")]).toEqual([10, ...new Array(11).fill(0)]);
});
