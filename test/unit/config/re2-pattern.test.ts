import { describe, expect, it } from "vitest";
import { parseRe2Pattern } from "../../../src/config/re2-pattern.ts";

function matches(pattern: string, text: string): boolean {
  const parsed = parseRe2Pattern(pattern);
  if (!("value" in parsed)) throw new Error(`expected ${parsed.expected}`);
  return parsed.value.test(text);
}

describe("parseRe2Pattern", () => {
  it.each([
    ["th\\d+", "eth0"],
    ["^192\\.168\\.200\\.\\d+$", "192.168.200.128"],
    ["(?i)ETH", "eth0"],
    ["\\Aeth\\z", "eth"],
    ["^en[[:alpha:]]+[[:digit:]]$", "enp3"],
    ["[^[:digit:]]", "e"],
    ["(?P<name>eth)", "eth"],
    ["(?:a|b)+?", "b"],
    ["\\\\A", "\\A"],
  ])("%s matches %s", (pattern, text) => {
    expect(matches(pattern, text)).toBe(true);
  });

  it.each([
    ["\\Aeth\\z", "veth"],
    ["^eth", "veth0"],
    ["[[:digit:]]", ":d"],
    ["eth", "ETH"],
  ])("%s does not match %s", (pattern, text) => {
    expect(matches(pattern, text)).toBe(false);
  });

  it.each([
    ["", "a regular expression"],
    ["(", "a valid regular expression (Invalid regular expression: /(/: Unterminated group)"],
    ["a**", "a valid regular expression"],
    ["\\pL", "a regular expression without \\p"],
    ["\\Qa.b\\E", "a regular expression without \\Q, \\E"],
    ["[[:cntrl:]]", "a regular expression without [:cntrl:]"],
    ["[[:toString:]]", "a regular expression without [:toString:]"],
  ])("refuses %j", (pattern, expected) => {
    const parsed = parseRe2Pattern(pattern);
    expect(parsed).toEqual({ expected: expect.stringContaining(expected) });
  });
});
