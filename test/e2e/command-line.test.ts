/**
 * What operators and supervisors meet: exit codes, where texts go, and the name `flanneld`. One process for each way out;
 * which words take which way is the business of test/unit/cli.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdtemp, open, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { execute } from "../../src/runtime/program.ts";
import { TWEED, tweed } from "../support/test-lab.ts";

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

describe("as somebody else than root", () => {
  /** In a user namespace without a mapping root is nobody, and still owns the files of this checkout. */
  const asNobody = (args: readonly string[]) => execute("unshare", ["--user", ...TWEED, ...args]);

  test.each([
    ["lab up", ["lab", "up", "--name=nobody"]],
    ["lab down", ["lab", "down", "--name=nobody"]],
    ["demo", ["demo", "--name=nobody"]],
    ["bench", ["bench", "--modes=vxlan"]],
  ])("%s says so, and ends with 1", async (_title, args) => {
    const { exitCode, stdout, stderr } = await asNobody(args);
    expect({ exitCode, stdout, stderr }).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: expect.stringMatching(/^tweed: [^\n]*as root[^\n]*\n$/),
    });
  });

  test("a probe without CAP_NET_RAW says so, and ends with 1", async () => {
    const without = ["--inh-caps=-net_raw", "--bounding-set=-net_raw"];
    const { exitCode, stderr } = await execute("setpriv", [
      ...without,
      ...TWEED,
      "probe",
      "--count=1",
      "127.0.0.1",
    ]);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: expect.stringMatching(/^tweed: open ICMP socket: [^\n]*be root, or have CAP_NET_RAW\n$/),
    });
  });
});

test.each([["lab"], ["demo"], ["bench"]])(
  "%s without tweed-lab.cjs says what is missing, and ends with 1",
  async (command) => {
    const alone = join(directory, "tweed.cjs");
    await copyFile("dist/tweed.cjs", alone);
    expect(await execute(process.execPath, [alone, command, "--help"])).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: expect.stringMatching(/^tweed: load the command [^\n]*tweed-lab\.cjs[^\n]*\n$/),
    });
  },
);

describe("a stream whose disk is full", () => {
  /** The exit code, and what came out by the other stream. */
  const onFullDisk = async (stream: "stdout" | "stderr", args: readonly string[]) => {
    const full = await open("/dev/full", "w");
    try {
      const stdio =
        stream === "stdout" ? (["ignore", full.fd, "pipe"] as const) : (["ignore", "pipe", full.fd] as const);
      const [program = "", ...words] = [...TWEED, ...args];
      const child = spawn(program, words, { stdio: [...stdio] });
      let text = "";
      (child.stdout ?? child.stderr)?.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      const [exitCode] = await once(child, "close");
      return { exitCode, text };
    } finally {
      await full.close();
    }
  };

  test("standard output: a result that is not whole is no success", async () => {
    expect(await onFullDisk("stdout", ["help"])).toEqual({
      exitCode: 1,
      text: expect.stringMatching(/^tweed: write standard output: ENOSPC.*\n$/),
    });
  });

  test("standard error: the exit code stays what it was", async () => {
    expect(await onFullDisk("stderr", ["frobnicate"])).toEqual({ exitCode: 2, text: "" });
    expect(await onFullDisk("stderr", ["version"])).toEqual({ exitCode: 0, text: "" });
  });
});
