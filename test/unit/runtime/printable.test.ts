import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { printable, printableField } from "../../../src/runtime/printable.ts";

describe("what a terminal would act on", () => {
  it.each([
    ["clear the screen", "\u001b[2J", "\\u001b[2J"],
    ["the one-byte form of it", "\u009b2J", "\\u009b2J"],
    ["a title", "\u001b]0;x\u0007", "\\u001b]0;x\\u0007"],
    ["back over the line", "a\rb\b", "a\\u000db\\u0008"],
    ["text that runs the other way", "a\u202eb\u2066c", "a\\u202eb\\u2066c"],
    ["what hides", "a\u200bb\ufeff\u00ad", "a\\u200bb\\ufeff\\u00ad"],
    ["a tag outside of the first plane", "\u{e0041}", "\\udb40\\udc41"],
    ["lines of Unicode", "a\u2028b\u2029", "a\\u2028b\\u2029"],
  ])("is escaped: %s", (_title, text, expected) => {
    expect(printable(text)).toBe(expected);
    expect(printableField(text)).toBe(expected);
  });

  it("leaves what people write", () => {
    const text = "Grüße, 世界, – “x” 😀\n\tnext line";
    expect(printable(text)).toBe(text);
    expect(printableField("a\nb\tc")).toBe("a\\u000ab\\u0009c");
  });

  it("leaves JSON the same value", () => {
    const text = fc.array(fc.nat(0xffff), { maxLength: 20 }).map((units) => String.fromCharCode(...units));
    fc.assert(
      fc.property(text, (text) => {
        const json = JSON.stringify(text);
        expect(JSON.parse(printable(json))).toBe(text);
        expect(printable(json)).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      }),
    );
  });
});
