/** What `tweed store` says of a store that does not answer, is not there, or holds what somebody else wrote. */
import { access, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runCommandLine } from "../../../src/cli/commands.ts";
import { StoreCause } from "../../../src/cli/store-cause.ts";
// Commands load when they are called, which is not to count as a test's own time.
import "../../../src/cli/store.ts";
import "../../../src/lease/etcd/store.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tw-store-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function store(...words: readonly string[]) {
  const [stdout, stderr]: [string[], string[]] = [[], []];
  const exitCode = await runCommandLine("tweed", ["store", ...words], {
    say: (line) => void stdout.push(line),
    complain: (line) => void stderr.push(line),
    relay: () => undefined,
    environment: {},
    self: [],
    signal: new AbortController().signal,
  });
  return { exitCode, stdout, stderr };
}

describe("a store that is not there", () => {
  test.each([["leases"], ["release", "10.244.3.0-24"]])("is named by %s, and not made", async (...words) => {
    const path = join(directory, "nope", "deeper");
    expect(await store(...words, "--store=file", `--store-path=${path}`)).toEqual({
      exitCode: 1,
      stdout: [],
      stderr: [expect.stringMatching(/^tweed: open the file store \S+nope\/deeper: ENOENT.*--store-path/)],
    });
    await expect(access(join(directory, "nope"))).rejects.toThrow("ENOENT");
  });

  test("that is another directory has nothing made in it", async () => {
    expect(await store("leases", "--store=file", `--store-path=${directory}`)).toMatchObject({ exitCode: 1 });
    expect(await readdir(directory)).toEqual([]);
  });

  test("is made by what puts a configuration there", async () => {
    const config = join(directory, "net-conf.json");
    await writeFile(config, '{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}');
    const flags = ["--store=file", `--store-path=${join(directory, "new")}`];
    expect(await store("configure", config, ...flags)).toEqual({ exitCode: 0, stdout: [], stderr: [] });
    expect(await store("leases", ...flags)).toEqual({ exitCode: 0, stdout: [], stderr: [] });
  });
});

test("a key file that is missing is named, without waiting", async () => {
  const absent = join(directory, "absent.pem");
  const flags = ["--etcd-endpoints=https://127.0.0.1:1", `--etcd-cafile=${absent}`];
  expect(await store("leases", ...flags)).toEqual({
    exitCode: 1,
    stdout: [],
    stderr: [expect.stringContaining(`read TLS file ${absent}: ENOENT`)],
  });
});

describe("the cause of a wait", () => {
  test("is what the store said last, and ends the wait where nothing passes by itself", () => {
    let hopeless = 0;
    const cause = new StoreCause(() => {
      hopeless += 1;
    });
    const log = cause.child();
    log.warn({ op: "list", code: "store-unavailable", reason: "connection refused" }, "etcd does not answer");
    log.warn({ op: "read-lease", code: "invalid-lease", reason: "no JSON" }, "unreadable lease ignored");
    expect([cause.reason, hopeless]).toEqual(["connection refused", 0]);
    log.warn({ op: "list", code: "store-auth", reason: "permission denied" }, "etcd does not answer");
    expect([cause.reason, hopeless]).toEqual(["permission denied", 1]);
  });
});

test("what others wrote into a store is shown escaped, on a line of its own", async () => {
  await mkdir(join(directory, "subnets"));
  const key = "10.244.9.0-24\u001b[2J\n10.244.1.0-24  forged\u202e";
  await writeFile(join(directory, "subnets", `${key}.json`), '{"PublicIP":"\u001b]0;x\u0007"}');
  const { stdout } = await store("leases", "--store=file", `--store-path=${directory}`);
  expect(stdout.join("\n")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  expect(stdout).toEqual([
    expect.stringContaining("10.244.9.0-24\\u001b[2J\\u000a10.244.1.0-24  forged\\u202e"),
  ]);
});

test("so are the words of an error", async () => {
  const { exitCode, stderr } = await store(
    "leases",
    "--store=file",
    `--store-path=${directory}/\u009b2J\u202e`,
  );
  expect(exitCode).toBe(1);
  expect(stderr.join("")).toContain("/\\u009b2J\\u202e");
  expect(stderr.join("")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
});
