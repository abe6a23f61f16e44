import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LineSplitter } from "../../../src/lease/kubernetes/line-splitter.ts";
import { ListSplitter } from "../../../src/lease/kubernetes/list-splitter.ts";

/** The text in pieces that end at these places. */
function pieces(text: string, cuts: readonly number[]): readonly Buffer[] {
  const bytes = Buffer.from(text);
  const ends = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...ends].map((start, index) => bytes.subarray(start, ends[index] ?? bytes.length));
}

const cuts = fc.array(fc.nat(), { maxLength: 12 });

describe("a list", () => {
  const split = (text: string, at: readonly number[]) => {
    const items: unknown[] = [];
    const splitter = new ListSplitter((item) => void items.push(JSON.parse(item.toString())));
    for (const piece of pieces(text, at)) splitter.push(piece);
    return { items, envelope: JSON.parse(splitter.envelope) as unknown };
  };

  it("is cut into its items, however it arrives", () => {
    const item = fc.dictionary(fc.string({ unit: "binary", maxLength: 8 }), fc.jsonValue({ maxDepth: 2 }));
    fc.assert(
      fc.property(fc.array(item, { maxLength: 5 }), cuts, fc.nat(2), (items, at, indent) => {
        const plain = JSON.parse(JSON.stringify(items)) as unknown[];
        const metadata = { resourceVersion: "17", continue: 'a"[{' };
        const list = { kind: "NodeList", metadata, items: plain };
        const found = split(JSON.stringify(list, null, indent), at);
        expect(found).toEqual({ items: plain, envelope: { ...list, items: [] } });
      }),
    );
  });

  it("may have its metadata last", () => {
    const text = '{"items":[{"a":1} , {"a":[2]}],"metadata":{"resourceVersion":"9"}}';
    expect(split(text, [3, 12, 20])).toEqual({
      items: [{ a: 1 }, { a: [2] }],
      envelope: { items: [], metadata: { resourceVersion: "9" } },
    });
  });
});

describe("a watch", () => {
  it("is cut into its lines, however it arrives", () => {
    const line = fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.stringify(value));
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), cuts, (lines, at) => {
        const splitter = new LineSplitter();
        const text = lines.map((each) => `${each}\n`).join("");
        const found = pieces(text, at).flatMap((piece) => [...splitter.push(piece)].map(String));
        expect(found).toEqual(lines);
      }),
    );
  });

  it("with a line that never ends is given up", () => {
    const splitter = new LineSplitter();
    const push = () => {
      for (let megabytes = 0; megabytes < 10; megabytes++) [...splitter.push(Buffer.alloc(1 << 20, 0x20))];
    };
    expect(push).toThrow(/more than/);
  });
});
