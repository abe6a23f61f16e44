/** What operators and supervisors meet: exit codes, where texts go, and the name `flanneld`. */
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { execute, type ProgramResult } from "../../src/runtime/program.ts";
import { tweed } from "../support/test-lab.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tw-cli-"));
  await symlink(resolve("dist/tweed.cjs"), join(directory, "flanneld"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const flanneld = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  execute(join(directory, "flanneld"), args, { env });

describe("usage errors end with 2 and say what is wrong on standard error", () => {
  test.each<[string, readonly string[], RegExp]>([
    ["no command", [], /usage: tweed COMMAND/],
    ["an unknown command", ["frobnicate"], /"frobnicate" is not a command/],
    ["an unknown flag", ["run", "--frobnicate"], /frobnicate/],
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
    [
      "a configuration file that is not there",
      ["store", "configure", "/nowhere/net.json"],
      /\/nowhere\/net.json/,
    ],
  ])("%s", async (_title, args, complaint) => {
    const { exitCode, stdout, stderr } = await tweed(args);
    expect({ exitCode, stdout, stderr }).toEqual({
      exitCode: 2,
      stdout: "",
      stderr: expect.stringMatching(complaint),
    });
    expect(stderr).not.toMatch(/\n\s+at |sesame42/);
  });

  test("also when the environment is wrong", async () => {
    const { exitCode, stderr } = await flanneld([], { FLANNELD_IP_MASQ: "perhaps" });
    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: expect.stringContaining("FLANNELD_IP_MASQ"),
    });
  });
});

describe("help and version end with 0", () => {
  test.each([["help"], ["--help"], ["-h"]])("tweed %s", async (word) => {
    expect(await tweed([word])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining("usage: tweed"),
    });
  });

  test.each([["-help"], ["-h"], ["--help"]])("tweed run %s names the flags", async (word) => {
    const { exitCode, stdout, stderr } = await tweed(["run", word]);
    expect(exitCode).toBe(0);
    expect(stdout + stderr).toMatch(/etcd-endpoints[\s\S]*healthz-port[\s\S]*subnet-file/);
  });

  test.each<[string, () => Promise<ProgramResult>]>([
    ["tweed version", () => tweed(["version"])],
    ["tweed --version", () => tweed(["--version"])],
    ["tweed run -version", () => tweed(["run", "-version"])],
    ["flanneld --version", () => flanneld(["--version"])],
    // Before the environment is looked at, which may be another program's.
    ["flanneld --version, environment wrong", () => flanneld(["--version"], { FLANNELD_IP_MASQ: "perhaps" })],
  ])("%s: on standard error, as flannel's", async (_title, ask) => {
    const { exitCode, stdout, stderr } = await ask();
    expect({ exitCode, stdout, stderr }).toEqual({
      exitCode: 0,
      stdout: "",
      stderr: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
  });
});
