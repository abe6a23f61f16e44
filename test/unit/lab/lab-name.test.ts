/** A lab's name becomes part of paths that are removed and of namespaces that are deleted. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runCommandLine } from "../../../src/cli/commands.ts";
import { checkLabName, labDirectory, namespacePrefix } from "../../../src/lab/topology.ts";
// Commands load when they are called, which is not to count as a test's own time.
import "../../../src/cli/demo.ts";
import "../../../src/cli/lab.ts";

const isName = (text: string) => /^[a-z0-9]{1,8}$/.test(text);
const named = { code: "usage", message: expect.stringContaining("--name") };

test("only 1 to 8 lower-case letters and digits name anything", () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^[a-z0-9./]{1,9}$/), fc.constant("lab\n"));
  fc.assert(
    fc.property(text, (name) => {
      for (const use of [checkLabName, namespacePrefix, labDirectory]) {
        if (isName(name)) use(name);
        else expect(() => use(name)).toThrow(expect.objectContaining(named));
      }
    }),
  );
});

describe("no command acts on a name that leads elsewhere", () => {
  let directory: string;
  let file: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "tw-lab-name-"));
    file = join(directory, "precious");
    await writeFile(file, "kept");
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  test.each([
    ["lab down", []],
    ["lab up", []],
    ["lab ping", []],
    ["lab exec", ["node1", "true"]],
    ["demo", []],
  ])("tweed %s", async (command, rest) => {
    const complaints: string[] = [];
    const name = relative("/run/tweed/lab", directory);
    const exitCode = await runCommandLine("tweed", [...command.split(" "), `--name=${name}`, ...rest], {
      say: () => undefined,
      complain: (line) => void complaints.push(line),
      relay: () => undefined,
      environment: {},
      self: [],
      signal: new AbortController().signal,
    });
    expect({ exitCode, complaints }).toEqual({
      exitCode: 2,
      complaints: [expect.stringContaining("--name is")],
    });
    expect(await readFile(file, "utf8")).toBe("kept");
  });
});
