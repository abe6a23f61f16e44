import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, it } from "vitest";
import {
  type IdentitySources,
  identityFile,
  readOwnIdentity,
} from "../../../src/agent/identity/own-identity.ts";
import { nodeFiles } from "../../../src/runtime/node-files.ts";
import { systemRandom } from "../../../src/runtime/random.ts";
import { RecordingLog } from "../../support/recording-log.ts";

const MACHINE = "0123456789abcdef0123456789abcdef";
const PRODUCT = "4C4C4544-0042-3510-8054-B4C04F564433";

let directory: string;
let path: string;
let sources: IdentitySources;
let log: RecordingLog;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tw-identity-"));
  path = identityFile(join(directory, "run", "subnet.env"));
  const at = (name: string) => join(directory, name);
  sources = {
    machineId: at("machine-id"),
    product: at("product"),
    boot: at("boot"),
    netns: at("netns"),
    hostName: at("hostname"),
  };
  log = new RecordingLog();
});
afterEach(() => rm(directory, { recursive: true }));

const read = () => readOwnIdentity(path, { files: nodeFiles, random: systemRandom, log }, sources);
async function boot(id: string, netns: string): Promise<void> {
  await writeFile(sources.boot, `${id}\n`);
  await rm(sources.netns, { force: true });
  await symlink(netns, sources.netns);
}

it("is random, and the same until the run directory is emptied", async () => {
  const first = await read();
  expect(first.id).toMatch(/^[0-9a-f]{32}$/);
  expect(await read()).toEqual(first);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  await rm(path);
  expect((await read()).id).not.toBe(first.id);
  expect(log.lines).toEqual([]);
});

it.each([
  ["a pipe", () => promisify(execFile)("mkfifo", [path])],
  ["a device that never ends", () => symlink("/dev/zero", path)],
])("is made anew where the file is %s, without waiting for it", async (_what, make) => {
  await mkdir(join(directory, "run"));
  await make();
  const { id } = await read();
  expect((await read()).id).toBe(id);
});

it("is made anew where the file holds something else", async () => {
  await mkdir(join(directory, "run"));
  await writeFile(path, "../../etc\n");
  const { id } = await read();
  expect(await readFile(path, "utf8")).toBe(`${id}\n`);
});

it("goes without the file where the directory cannot be written, and says so", async () => {
  await writeFile(join(directory, "run"), "a file in its place");
  expect((await read()).id).toMatch(/^[0-9a-f]{32}$/);
  expect(log.warnings()).toMatchObject([{ fields: { op: "write-identity", path } }]);
});

it("tells the machine over a reboot, the boot, and the namespace, in hashes", async () => {
  await writeFile(sources.machineId, `${MACHINE}\n`);
  await writeFile(sources.product, `${PRODUCT}\n`);
  await boot("boot-1", "net:[4026531840]");
  const before = await read();
  expect(JSON.stringify(before)).not.toContain(MACHINE);
  await boot("boot-2", "net:[4026531840]");
  const { machineId, product, ...after } = await read();
  expect({ machineId, product }).toEqual({ machineId: before.machineId, product: before.product });
  expect([after.boot === before.boot, after.netns === before.netns]).toEqual([false, false]);
  await boot("boot-2", "net:[4026532008]");
  const elsewhere = await read();
  expect([elsewhere.boot === after.boot, elsewhere.netns === after.netns]).toEqual([true, false]);
});

it.each([
  "00000000-0000-0000-0000-000000000000",
  "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
  "03000200-0400-0500-0006-000700080009",
  "Not Settable",
])("takes %s for no product", async (text) => {
  await writeFile(sources.product, text);
  expect((await read()).product).toBeNull();
});

it("takes no machine id from an image that has not been booted", async () => {
  await writeFile(sources.machineId, "uninitialized\n");
  expect((await read()).machineId).toBeNull();
});
