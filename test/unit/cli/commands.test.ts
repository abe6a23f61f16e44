/** What each command line comes to: the exit code, and which of the two streams gets the text. */
import { describe, expect, test } from "vitest";
import { runCommandLine } from "../../../src/cli/commands.ts";
// Commands load when they are called, which is not to count as a test's own time.
import "../../../src/cli/bench.ts";
import "../../../src/cli/lab.ts";
import "../../../src/cli/lab-commands.ts";
import "../../../src/cli/run.ts";

async function runProgram(
  program: string,
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
) {
  const stdout: string[] = [];
  const stderr: string[] = [];
  const exitCode = await runCommandLine(program, words, {
    say: (line) => void stdout.push(line),
    complain: (line) => void stderr.push(line),
    relay: () => undefined,
    environment,
    self: [],
    signal: new AbortController().signal,
  });
  return { exitCode, stdout: stdout.join("\n"), stderr: stderr.join("\n") };
}

describe("usage errors end with 2 and say what is wrong on standard error", () => {
  test.each<[string, readonly string[], RegExp]>([
    ["no command", [], /usage: tweed COMMAND/],
    ["an unknown command", ["frobnicate"], /"frobnicate" is not a command/],
    ["what every object has", ["constructor"], /"constructor" is not a command/],
    ["what every object is", ["__proto__"], /"__proto__" is not a command/],
    ["what every object can", ["toString"], /"toString" is not a command/],
    ["an unknown flag", ["run", "--frobnicate"], /frobnicate/],
    ["a flag that every object has", ["run", "--constructor"], /constructor/],
    ["a lab's flag that every object has", ["lab", "up", "--constructor"], /constructor/],
    ["a lab's command that every object has", ["lab", "constructor"], /constructor/],
    ["a command of the store that every object has", ["store", "constructor"], /usage: tweed store/],
    ["a value that is none", ["run", "-healthz-port=many"], /healthz-port.*whole number/],
    ["a value out of bounds", ["run", "--subnet-lease-renew-margin", "1440"], /from 1 to 1439/],
    ["a flag without its value", ["run", "--subnet-file"], /subnet-file/],
    ["a pattern that is none", ["run", "--iface-regex=("], /iface-regex/],
    [
      "a password in an endpoint",
      ["run", "--etcd-endpoints=http://root:sesame42@127.0.0.1"],
      /etcd-username/,
    ],
    ["a store without its place", ["run", "--store=file"], /store-path/],
    ["a number of nodes that is none", ["lab", "up", "--nodes=0"], /--nodes/],
    ["a lab command that is none", ["lab", "sideways"], /sideways/],
    ["an encapsulation mode that is none", ["bench", "--modes=pigeons"], /pigeons/],
  ])("%s", async (_title, words, complaint) => {
    const { exitCode, stdout, stderr } = await runProgram("tweed", words);
    expect({ exitCode, stdout, stderr }).toEqual({
      exitCode: 2,
      stdout: "",
      stderr: expect.stringMatching(complaint),
    });
    expect(stderr).not.toMatch(/\n\s+at |sesame42/);
  });

  test("also when the environment is wrong", async () => {
    const { exitCode, stderr } = await runProgram("flanneld", [], { FLANNELD_IP_MASQ: "perhaps" });
    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: expect.stringContaining("FLANNELD_IP_MASQ"),
    });
  });
});

describe("help and version end with 0", () => {
  test.each([["help"], ["--help"], ["-h"]])("tweed %s", async (word) => {
    expect(await runProgram("tweed", [word])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining("usage: tweed"),
    });
  });

  test.each([["-help"], ["-h"], ["--help"]])("tweed run %s names the flags", async (word) => {
    const { exitCode, stdout, stderr } = await runProgram("tweed", ["run", word]);
    expect(exitCode).toBe(0);
    expect(stdout + stderr).toMatch(/etcd-endpoints[\s\S]*healthz-port[\s\S]*subnet-file/);
  });

  test.each<[string, string, readonly string[]]>([
    ["tweed version", "tweed", ["version"]],
    ["tweed --version", "tweed", ["--version"]],
    ["tweed run -version", "tweed", ["run", "-version"]],
    ["flanneld --version", "flanneld", ["--version"]],
  ])("%s: on standard error, as flannel's", async (_title, program, words) => {
    // Before the environment is looked at, which may be another program's.
    const { exitCode, stdout, stderr } = await runProgram(program, words, { FLANNELD_IP_MASQ: "perhaps" });
    expect({ exitCode, stdout, stderr }).toEqual({
      exitCode: 0,
      stdout: "",
      stderr: expect.stringMatching(/^\d+\.\d+\.\d+/),
    });
  });
});
