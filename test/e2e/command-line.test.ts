/**
 * What operators and supervisors meet: exit codes, where texts go, and the name `flanneld`. One process for each way out;
 * which words take which way is the business of test/unit/cli.
 */
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { execute } from "../../src/runtime/program.ts";
import { tweed } from "../support/test-lab.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tw-cli-"));
  await symlink(resolve("dist/tweed.cjs"), join(directory, "flanneld"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const flanneld = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  execute(join(directory, "flanneld"), args, { env });

test.each<[string, readonly string[], RegExp]>([
  ["flannel's flags", ["run", "-healthz-port=many"], /healthz-port.*whole number/],
  ["the flags of other commands", ["lab", "sideways"], /sideways/],
  ["the name of a file", ["store", "configure", "/nowhere/net.json"], /\/nowhere\/net.json/],
])("a mistake in %s ends with 2, and standard error says which", async (_title, args, complaint) => {
  const { exitCode, stdout, stderr } = await tweed(args);
  expect({ exitCode, stdout, stderr }).toEqual({
    exitCode: 2,
    stdout: "",
    stderr: expect.stringMatching(complaint),
  });
  expect(stderr).not.toMatch(/\n\s+at /);
});

test("as flanneld it is `tweed run`, and an environment that is wrong ends it with 2", async () => {
  const { exitCode, stderr } = await flanneld([], { FLANNELD_IP_MASQ: "perhaps" });
  expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining("FLANNELD_IP_MASQ") });
});

test("help ends with 0, on standard output", async () => {
  const { exitCode, stdout, stderr } = await tweed(["help"]);
  expect({ exitCode, stdout, stderr }).toEqual({
    exitCode: 0,
    stdout: expect.stringContaining("usage: tweed"),
    stderr: "",
  });
});

test("flanneld --version ends with 0, on standard error as flannel's, whatever the environment says", async () => {
  expect(await flanneld(["--version"], { FLANNELD_IP_MASQ: "perhaps" })).toEqual({
    exitCode: 0,
    stdout: "",
    stderr: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
  });
});
