import { describe, expect, it } from "vitest";
import {
  booleanFlag,
  choiceFlag,
  integerFlag,
  ipFlag,
  ipv4Flag,
  ipv6Flag,
  pathFlag,
  repeatedFlag,
} from "../../../src/config/flag.ts";

describe("booleanFlag", () => {
  const flag = booleanFlag(false, "");

  it.each(["1", "t", "T", "true", "True", "TRUE"])("reads %s as true", (text) => {
    expect(flag.parse(text, false)).toEqual({ value: true });
  });
  it.each(["0", "f", "F", "false", "False", "FALSE"])("reads %s as false", (text) => {
    expect(flag.parse(text, false)).toEqual({ value: false });
  });
  it.each(["", "yes", "tRUE", "2", " true"])("refuses %j", (text) => {
    expect(flag.parse(text, false)).toEqual({ expected: "true or false" });
  });
});

describe("integerFlag", () => {
  const flag = integerFlag({ min: -8, max: 70_000 }, 0, "");

  it.each([
    ["0", 0],
    ["+7", 7],
    ["-8", -8],
    ["0x1F", 31],
    ["0o17", 15],
    ["017", 15],
    ["0b101", 5],
    ["70000", 70_000],
  ])("reads %s as Go does", (text, value) => {
    expect(flag.parse(text, 0)).toEqual({ value });
  });
  it.each(["", "-", "1e3", "1.5", "12ab", "08", "70001", "-9", "0x", " 1", "9007199254740993"])(
    "refuses %j",
    (text) => {
      expect(flag.parse(text, 0)).toEqual({ expected: "a whole number from -8 to 70000" });
    },
  );
});

describe("addresses", () => {
  it("reads the canonical form of its family", () => {
    expect(ipFlag("").parse("2001:DB8:0::1", null)).toEqual({ value: "2001:db8::1" });
    expect(ipv4Flag("").parse("192.0.2.7", null)).toEqual({ value: "192.0.2.7" });
  });
  it("takes the empty text for none", () => {
    expect(ipv6Flag("").parse("", null)).toEqual({ value: null });
  });
  it("refuses the other family and names", () => {
    expect(ipv4Flag("").parse("2001:db8::1", null)).toHaveProperty("expected");
    expect(ipv6Flag("").parse("192.0.2.7", null)).toHaveProperty("expected");
    expect(ipFlag("").parse("eth0", null)).toEqual({ expected: "an IPv4 or IPv6 address" });
  });
});

describe("choice, path, repetition", () => {
  it("names the choices", () => {
    const flag = choiceFlag(["etcd", "file"], "");
    expect(flag.parse("file", null)).toEqual({ value: "file" });
    expect(flag.parse("File", null)).toEqual({ expected: "etcd or file" });
  });
  it("wants a path", () => {
    expect(pathFlag("/a", "").parse("", "/a")).toEqual({ expected: "a path" });
  });
  it("adds to what came earlier, and refuses as its element does", () => {
    const flag = repeatedFlag("n", (text) => (text === "" ? { expected: "a word" } : { value: text }), "");
    expect(flag.parse("b", ["a"])).toEqual({ value: ["a", "b"] });
    expect(flag.parse("", ["a"])).toEqual({ expected: "a word" });
  });
});
