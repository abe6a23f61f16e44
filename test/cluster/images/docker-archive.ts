/** Writes an image as `docker save` does, which `docker load` and `ctr images import` read. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { run } from "../../../src/runtime/program.ts";
import { archiveManifest, type ImageSettings, imageConfig } from "./image-config.ts";

const TAR_TIMEOUT_MS = 600_000;

/** Equal files give equal bytes. Owners are numeric, as on disk: Debian's packages have their own users. */
const REPRODUCIBLE = ["--format=gnu", "--sort=name", "--mtime=@0", "--numeric-owner"];

/**
 * Files that the kernel or the container runtime provides, and leftovers of programs that reveal the time of the build.
 */
const NO_PART_OF_AN_IMAGE = [
  ...["dev", "proc", "sys", "run", "tmp"].map((directory) => `./${directory}/*`),
  "./var/log/*.log",
  "./var/log/apt/*",
  "./var/cache/ldconfig/*",
  "./var/cache/apt/*.bin",
];

/** Packs the directory as one layer. */
export async function writeLayer(root: string, file: string): Promise<void> {
  const exclude = NO_PART_OF_AN_IMAGE.map((pattern) => `--exclude=${pattern}`);
  await run(
    "tar",
    ["--create", `--file=${file}`, `--directory=${root}`, ...REPRODUCIBLE, "--anchored", ...exclude, "."],
    { timeoutMs: TAR_TIMEOUT_MS },
  );
}

/** Writes the image whose root directory this is, as one layer. */
export async function writeDockerArchive(
  file: string,
  image: { readonly names: readonly string[]; readonly settings: ImageSettings; readonly root: string },
): Promise<void> {
  const parts = `${file}.parts`;
  await mkdir(parts);
  try {
    await writeLayer(image.root, join(parts, "layer.tar"));
    const layerHash = await sha256(join(parts, "layer.tar"));
    const layer = `${layerHash}.tar`;
    await rename(join(parts, "layer.tar"), join(parts, layer));
    const config = imageConfig(image.settings, [layerHash]);
    const configFile = `${createHash("sha256").update(config).digest("hex")}.json`;
    await writeFile(join(parts, configFile), config);
    await writeFile(join(parts, "manifest.json"), archiveManifest(image.names, configFile, [layer]));
    await run(
      "tar",
      [
        "--create",
        `--file=${file}`,
        `--directory=${parts}`,
        ...REPRODUCIBLE,
        "manifest.json",
        configFile,
        layer,
      ],
      { timeoutMs: TAR_TIMEOUT_MS },
    );
  } finally {
    await rm(parts, { recursive: true, force: true });
  }
}

async function sha256(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}
