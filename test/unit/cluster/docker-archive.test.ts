import { chmod, mkdir, mkdtemp, readFile, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { run } from "../../../src/runtime/program.ts";
import { writeDockerArchive } from "../../cluster/images/docker-archive.ts";
import { archiveManifest, imageConfig } from "../../cluster/images/image-config.ts";

const SETTINGS = { Env: ["PATH=/bin"], WorkingDir: "/", Entrypoint: ["/tweed"], Cmd: ["run"] };

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tw-archive-"));
});
afterEach(() => rm(directory, { recursive: true }));

test("the configuration names the layers by what is in them", () => {
  expect(JSON.parse(imageConfig(SETTINGS, ["ab", "cd"], "arm64"))).toEqual({
    architecture: "arm64",
    os: "linux",
    created: "1970-01-01T00:00:00Z",
    config: SETTINGS,
    rootfs: { type: "layers", diff_ids: ["sha256:ab", "sha256:cd"] },
  });
  expect(JSON.parse(imageConfig(SETTINGS, [], "x64"))).toMatchObject({ architecture: "amd64" });
});

test("the manifest gives one image its names, configuration and layers", () => {
  expect(JSON.parse(archiveManifest(["a:1", "b:2"], "c.json", ["d.tar"]))).toEqual([
    { Config: "c.json", RepoTags: ["a:1", "b:2"], Layers: ["d.tar"] },
  ]);
});

async function rootFrom(name: string, files: readonly string[]): Promise<string> {
  const root = join(directory, name);
  for (const file of files) {
    await mkdir(join(root, file, ".."), { recursive: true });
    await writeFile(join(root, file), file);
    await utimes(join(root, file), 0, Math.random() * 1e9);
  }
  return root;
}

test("an archive holds the root but what the runtime fills, and is the same for the same files", async () => {
  const files = [
    "bin/tweed",
    "etc/passwd",
    "dev/null",
    "proc/1/stat",
    "tmp/x",
    "var/log/dpkg.log",
    "opt/dev/x",
  ];
  const archives: Buffer[] = [];
  for (const [index, order] of [files, files.toReversed()].entries()) {
    const root = await rootFrom(`root-${index}`, order);
    await chmod(join(root, "bin/tweed"), 0o755);
    await symlink("/bin/tweed", join(root, "link"));
    const file = join(directory, `${index}.tar`);
    await writeDockerArchive(file, { names: ["tweed:test"], settings: SETTINGS, root });
    archives.push(await readFile(file));
  }
  expect(archives[0]?.equals(archives[1] ?? Buffer.alloc(0))).toBe(true);

  const unpacked = join(directory, "unpacked");
  await mkdir(unpacked);
  await run("tar", ["--extract", `--file=${join(directory, "0.tar")}`, `--directory=${unpacked}`]);
  const [manifest] = JSON.parse(await readFile(join(unpacked, "manifest.json"), "utf8"));
  const config = JSON.parse(await readFile(join(unpacked, manifest.Config), "utf8"));
  const [layer] = manifest.Layers;
  expect(config.rootfs.diff_ids).toEqual([`sha256:${layer.replace(".tar", "")}`]);
  const listing = await run("tar", ["--list", `--file=${join(unpacked, layer)}`]);
  expect(listing.trim().split("\n")).toEqual([
    ...["./", "./bin/", "./bin/tweed", "./dev/", "./etc/", "./etc/passwd", "./link", "./opt/", "./opt/dev/"],
    ...["./opt/dev/x", "./proc/", "./tmp/", "./var/", "./var/log/"],
  ]);
});
