import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  identify,
  type LargeObject,
  MAX_OBJECT_BYTES,
  ObjectPieces,
} from "../../../src/lease/kubernetes/large-object.ts";
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

  it("is cut into its items, whatever is escaped in them", () => {
    const text = fc.string({ unit: fc.constantFrom("\\", '"', "a", "{"), maxLength: 300 });
    fc.assert(
      fc.property(fc.array(fc.record({ a: text }), { maxLength: 3 }), cuts, (items, at) => {
        const found = split(JSON.stringify({ metadata: {}, items }), at);
        expect(found).toEqual({ items, envelope: { metadata: {}, items: [] } });
      }),
    );
  });

  it("passes over an item that is too large, by its beginning, and goes on with the next", () => {
    const large = `{"metadata":{"name":"n1"},"x":"${"x".repeat(MAX_OBJECT_BYTES)}"}`;
    const text = Buffer.from(`{"metadata":{"resourceVersion":"9"},"items":[{"a":1},${large},{"a":2}]}`);
    const found: (Buffer | LargeObject)[] = [];
    const splitter = new ListSplitter((item) => void found.push(item));
    for (let at = 0; at < text.length; at += 1 << 16) splitter.push(text.subarray(at, at + (1 << 16)));
    expect([String(found[0]), String(found[2]), found.length]).toEqual(['{"a":1}', '{"a":2}', 3]);
    expect(found[1]).toMatchObject({ bytes: large.length });
    expect(identify((found[1] as LargeObject).head).name).toBe("n1");
    expect(JSON.parse(splitter.envelope)).toEqual({ metadata: { resourceVersion: "9" }, items: [] });
  });

  it("may arrive in single bytes, and with empty pieces between them", () => {
    const items = [{ a: '\\"\\\\"', "\\": "" }, { b: "x\\" }];
    const text = JSON.stringify({ metadata: { continue: "\\" }, items }, null, 1);
    const found = split(
      text,
      Array.from({ length: text.length }, (_, at) => at),
    );
    expect(found).toEqual({ items, envelope: { metadata: { continue: "\\" }, items: [] } });
    const seen: string[] = [];
    const splitter = new ListSplitter((item) => void seen.push(String(item)));
    for (const piece of ['{"items":[{"a":"x\\', "", '"y"}]}']) splitter.push(Buffer.from(piece));
    expect(seen).toEqual(['{"a":"x\\"y"}']);
  });

  it("may have objects and arrays beside its items", () => {
    const metadata = { resourceVersion: "9", x: { y: [{ z: 1 }] }, w: [] };
    for (const list of [
      { metadata, items: [{ a: 1 }] },
      { items: [{ a: 1 }], metadata },
    ])
      expect(split(JSON.stringify(list), [])).toEqual({
        items: [{ a: 1 }],
        envelope: { ...list, items: [] },
      });
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

  it("may have empty lines, which are no events", () => {
    expect([...new LineSplitter().push(Buffer.from("\n\n{}\n\n[]\n"))].map(String)).toEqual(["{}", "[]"]);
  });

  it("passes over what is too large, by its beginning, and goes on with the next", () => {
    const large = `{"type":"MODIFIED","object":{"metadata":{"name":"n1"},"x":"${"x".repeat(MAX_OBJECT_BYTES)}"}}`;
    const text = Buffer.from(`"before"\n${large}\n"behind"\n`);
    for (const pieceBytes of [1 << 16, 1 << 30]) {
      const splitter = new LineSplitter();
      const found: (Buffer | LargeObject)[] = [];
      for (let at = 0; at < text.length; at += pieceBytes) {
        found.push(...splitter.push(text.subarray(at, at + pieceBytes)));
      }
      const [before, passed, behind] = found;
      expect([String(before), String(behind), found.length]).toEqual(['"before"', '"behind"', 3]);
      expect(passed).toMatchObject({ bytes: large.length });
      expect((passed as LargeObject).head.toString()).toBe(
        large.slice(0, (passed as LargeObject).head.length),
      );
    }
  });

  it("with a line that never ends holds only its beginning", () => {
    const splitter = new LineSplitter();
    const megabyte = Buffer.alloc(1 << 20, 0x20);
    for (let count = 0; count < 100; count++) expect([...splitter.push(megabyte)]).toEqual([]);
    const [line] = splitter.push(Buffer.from("\n"));
    expect(line).toMatchObject({ bytes: 100 << 20 });
    expect((line as LargeObject).head.length).toBeLessThan(1 << 20);
  });
});

describe("an object in pieces", () => {
  const whole = Buffer.alloc(MAX_OBJECT_BYTES, "x");

  it("of the greatest size is read, in one piece without a copy", () => {
    const pieces = new ObjectPieces();
    expect(pieces.isEmpty).toBe(true);
    pieces.add(whole);
    expect(pieces.isEmpty).toBe(false);
    expect(pieces.take()).toBe(whole);
    expect(pieces.isEmpty).toBe(true);
    for (const part of [whole.subarray(1), whole.subarray(0, 1)]) pieces.add(part);
    expect((pieces.take() as Buffer).equals(whole)).toBe(true);
  });

  it("of one byte more is not, and only its first 16 KiB are retained", () => {
    const pieces = new ObjectPieces();
    for (const part of [whole, Buffer.from("y"), whole]) pieces.add(part);
    const large = pieces.take() as LargeObject;
    expect([large.bytes, large.head.length]).toEqual([2 * MAX_OBJECT_BYTES + 1, 16 * 1024]);
    expect(large.head.buffer.byteLength).toBeLessThan(1 << 20);
    pieces.add(Buffer.from("next"));
    expect(String(pieces.take())).toBe("next");
  });
});

describe("an object that is cut off", () => {
  const node = {
    kind: "Node",
    metadata: { name: "n\u0041", uid: "u", resourceVersion: "17", annotations: { a: "b" } },
  };
  const text = JSON.stringify(node);

  it("is named by its beginning, wherever that ends", () => {
    for (let end = 0; end <= text.length; end++) {
      const { name, version } = identify(Buffer.from(text.slice(0, end)));
      expect([null, "nA"]).toContain(name);
      expect([null, "17"]).toContain(version);
      if (end > text.indexOf('"annotations'))
        expect({ name, version }).toEqual({ name: "nA", version: "17" });
    }
  });

  it("is named by its metadata only", () => {
    const spec = { name: "x", resourceVersion: "1" };
    expect(identify(Buffer.from(JSON.stringify({ spec, ...node })))).toEqual({ name: "nA", version: "17" });
  });
});
