/** What lies in a file's place is no file: nothing of it is read, and nobody waits for it. */
import { once } from "node:events";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readText } from "../../../src/runtime/files.ts";
import { nodeFiles } from "../../../src/runtime/node-files.ts";
import { execute } from "../../../src/runtime/program.ts";

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tw-file-"));
  path = join(directory, "file");
});
afterEach(() => rm(directory, { recursive: true }));

const IN_ITS_PLACE: readonly (readonly [string, () => Promise<unknown>])[] = [
  ["a pipe", () => execute("mkfifo", [path])],
  ["a directory", () => mkdir(path)],
  ["a link to a device without an end", () => symlink("/dev/zero", path)],
  ["a link to a terminal", () => symlink("/dev/tty", path)],
];

describe.each(IN_ITS_PLACE)("%s", (_, make) => {
  it.each(["followed", "refused"] as const)("is not read, links %s", async (links) => {
    await make();
    await expect(nodeFiles.read(path, 100, links)).rejects.toThrow();
  });
});

it("a socket is not read", async () => {
  const server = createServer().listen(path);
  await once(server, "listening");
  try {
    await expect(readText(nodeFiles, path, 100)).rejects.toThrow("not a regular file");
  } finally {
    server.close();
  }
});

it.each([0, 1, 100, 70_000, 150_000])(
  "a file of %i bytes is read whole, and refused by one byte less",
  async (bytes) => {
    await writeFile(path, "x".repeat(bytes));
    expect(await readText(nodeFiles, path, bytes)).toHaveLength(bytes);
    if (bytes === 0) return;
    await expect(readText(nodeFiles, path, bytes - 1)).rejects.toMatchObject({
      code: "invalid-file",
      message: expect.stringContaining(`${bytes} bytes, at most ${bytes - 1}`),
    });
  },
);

it("a link is followed where it may be", async () => {
  await writeFile(join(directory, "target"), "text");
  await symlink("target", path);
  expect(await readText(nodeFiles, path, 100)).toBe("text");
  await expect(nodeFiles.read(path, 100, "refused")).rejects.toThrow("not a regular file");
});

it("what is not there is told as the system does", async () => {
  await expect(readText(nodeFiles, path, 100)).rejects.toMatchObject({ code: "ENOENT" });
});
