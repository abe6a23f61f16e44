import { describe, expect, it } from "vitest";
import { booleanFlag, integerFlag, repeatedFlag, stringFlag } from "../../../src/config/flag.ts";
import { usageText } from "../../../src/config/flag-usage.ts";
import { applyEnvironment, parseFlags } from "../../../src/config/go-flags.ts";

const TABLE = {
  name: stringFlag("anon", "a name"),
  "dry-run": booleanFlag(false, "change nothing"),
  on: booleanFlag(true, "stay on"),
  count: integerFlag({ min: 0, max: 9 }, 3, "how many"),
  add: repeatedFlag("word", (text) => ({ value: text }), "a word"),
};

function parse(...words: string[]) {
  const result = parseFlags(TABLE, words);
  if (result.kind !== "parsed") throw new Error(`${result.kind} of ${words.join(" ")}`);
  return result;
}

function messageOfUsageError(result: { kind: string; error?: Error }): string {
  if (result.error === undefined) throw new Error(`no usage error but ${result.kind}`);
  return result.error.message;
}

describe("parseFlags", () => {
  it("gives every flag its fallback", () => {
    expect(parse()).toEqual({
      kind: "parsed",
      values: { name: "anon", "dry-run": false, on: true, count: 3, add: [] },
      given: new Set(),
      ignoredWords: 0,
    });
  });

  it.each([
    [["-name", "x"], "x"],
    [["--name", "x"], "x"],
    [["-name=x"], "x"],
    [["--name=x=y"], "x=y"],
    [["--name="], ""],
    [["--name", ""], ""],
    [["--name", "--count"], "--count"],
    [["--name", "-"], "-"],
    [["--name=a", "--name=b"], "b"],
    [["--name=a\nb"], "a\nb"],
  ])("reads the value in %j", (words, value) => {
    expect(parse(...words).values.name).toBe(value);
  });

  it.each([
    [["-dry-run"], true],
    [["--dry-run=T"], true],
    [["--dry-run", "--dry-run=0"], false],
  ])("reads the boolean in %j", (words, value) => {
    expect(parse(...words).values["dry-run"]).toBe(value);
  });

  it("collects repetitions in order, whatever their style", () => {
    expect(parse("-add", "a", "--count=4", "--add=b").values).toMatchObject({ add: ["a", "b"], count: 4 });
  });

  it.each([
    [["--on", "false", "--count=4"], 2],
    [["--count=4", "--", "--count=5"], 1],
    [["--count=4", "-", "x"], 2],
    [["", "--count=5"], 2],
    [["--count", "4"], 0],
    [["--"], 0],
  ])("ends at the first word that is no flag: %j", (words, ignoredWords) => {
    const parsed = parse(...words);
    expect(parsed.ignoredWords).toBe(ignoredWords);
    expect(parsed.values.count).not.toBe(5);
    expect(parsed.values.on).toBe(true);
  });

  it("tells which flags were given", () => {
    expect(parse("-on", "--count=3").given).toEqual(new Set(["on", "count"]));
  });

  it.each(["-h", "--h", "-help", "--help"])("answers %s with help", (word) => {
    expect(parseFlags(TABLE, ["--count=1", word, "--nonsense"]).kind).toBe("help");
  });

  it.each([
    [["--nmae=secret"], "parse flag --nmae: no such flag; did you mean --name?; --help lists all"],
    [["--toString"], "parse flag --toString: no such flag"],
    [["--__proto__=1"], "parse flag --__proto__: no such flag"],
    [["--count=1", "--name"], "parse flag --name: a value is missing, expected --name=string"],
    [["--count", "ten"], 'parse flag --count: "ten" given, expected a whole number from 0 to 9'],
    [["--dry-run=maybe"], 'parse flag --dry-run: "maybe" given, expected true or false'],
    [["--count=4", "---name=x"], "parse command line: word 2 is not a flag"],
    [["--=x"], "parse command line: word 1 is not a flag"],
    [["-=x"], "parse command line: word 1 is not a flag"],
  ])("refuses %j", (words, reason) => {
    const message = messageOfUsageError(parseFlags(TABLE, words));
    expect(message).toContain(reason);
    expect(message).not.toMatch(/secret|\n/);
  });

  it("shows a long or many-lined value on one short line", () => {
    const message = messageOfUsageError(parseFlags(TABLE, [`--count=${"1\n".repeat(500)}`]));
    expect(message.length).toBeLessThan(300);
    expect(message).not.toContain("\n");
  });
});

describe("applyEnvironment", () => {
  const apply = (environment: Record<string, string | undefined>, ...words: string[]) =>
    applyEnvironment(TABLE, parse(...words), environment, "FLANNELD");

  it("fills what the command line left out", () => {
    const result = apply(
      { FLANNELD_NAME: "env", FLANNELD_DRY_RUN: "true", FLANNELD_COUNT: "5" },
      "--count=1",
    );
    expect(result).toMatchObject({ values: { name: "env", "dry-run": true, count: 1 } });
  });

  it("takes the command line first even where it repeats the fallback", () => {
    expect(apply({ FLANNELD_ON: "false" }, "--on")).toMatchObject({ values: { on: true } });
  });

  it("leaves empty and foreign variables alone", () => {
    expect(apply({ FLANNELD_NAME: "", FLANNELD_NONSENSE: "1", NAME: "x" })).toMatchObject({
      values: { name: "anon" },
    });
  });

  it("does not split a repeatable flag's value", () => {
    expect(apply({ FLANNELD_ADD: "a,b c" })).toMatchObject({ values: { add: ["a,b c"] } });
  });

  it("names the variable of a malformed value", () => {
    expect(messageOfUsageError(apply({ FLANNELD_COUNT: "many" }))).toBe(
      'read environment variable FLANNELD_COUNT: "many" given, expected a whole number from 0 to 9',
    );
  });
});

it("explains every flag, in order, with its default", () => {
  expect(usageText("tool [flags]", TABLE)).toBe(
    [
      "Usage: tool [flags]",
      "  --add word\n    \ta word (may be repeated)",
      "  --count number\n    \thow many (default 3)",
      "  --dry-run\n    \tchange nothing",
      "  --name string\n    \ta name (default anon)",
      "  --on\n    \tstay on (default true)",
      "",
    ].join("\n"),
  );
});
