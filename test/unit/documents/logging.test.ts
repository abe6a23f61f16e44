import { describe, expect, it } from "vitest";
import { logFieldUse } from "../../support/log-fields.ts";
import { codeBlocks, codeSpans, readDocument, section, tableRows } from "../../support/markdown.ts";
import { sourceFiles } from "../../support/source-tree.ts";

const logging = await readDocument("LOGGING.md");
const vocabulary = tableRows(section(logging, "Fields")).map(([field = ""]) => codeSpans(field)[0] ?? "");
const { fields, unclear } = logFieldUse(await sourceFiles());

describe("the vocabulary of log fields", () => {
  it("has every field that the sources log", () => {
    const missing = [...fields].filter(([name]) => !vocabulary.includes(name));
    expect(missing).toEqual([]);
  });

  it("has no field that nothing logs", () => {
    expect(vocabulary.filter((name) => !fields.has(name))).toEqual([]);
  });

  it("is in order, each field once", () => {
    expect(vocabulary).toEqual([...new Set(vocabulary)].sort());
  });

  it("can be told from the sources: fields are named where they are logged", () => {
    expect(unclear).toEqual([]);
  });

  it("serves the example", () => {
    const [example] = codeBlocks(logging);
    const line: unknown = JSON.parse(example?.lines.join("\n") ?? "");
    expect([...vocabulary, "level", "time", "msg"]).toEqual(
      expect.arrayContaining(Object.keys(line as object)),
    );
  });
});

describe("the search for log fields", () => {
  const search = (text: string) => logFieldUse([{ path: "a.ts", text }]);

  it("finds literals, constants, spreads and children, and where they are", () => {
    const text = [
      "const fields = { op: 'x', ...(late ? { attempt: 1 } : {}) };",
      "this.#log.warn({ ...fields, reason }, 'said');",
      "surroundings.log.child({ store: 'etcd' });",
    ].join("\n");
    expect([...search(text).fields]).toEqual([
      ["op", ["a.ts:2"]],
      ["attempt", ["a.ts:2"]],
      ["reason", ["a.ts:2"]],
      ["store", ["a.ts:3"]],
    ]);
  });

  it("names what it cannot tell", () => {
    expect(search("log.info({ op, ...subnets }, 'held');").unclear).toEqual(["a.ts:1 subnets"]);
  });

  it("passes over what is no log", () => {
    expect(search("console.log({ op }); catalog.info({ op });").fields.size).toBe(0);
  });
});
