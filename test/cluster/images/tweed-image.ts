/** Tweed's image from its own Dockerfile, and its files as an archive for hosts without a container runtime. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../../src/runtime/program.ts";
import { type BuiltImage, buildImage } from "./image.ts";

export const TWEED = "tweed:test";

export interface TweedImage extends BuiltImage {
  /** The contents of the image's /opt/tweed, as tar.gz. */
  readonly release: string;
  /** Without its directory: "tweed-0.1.0-linux-x64.tar.gz". */
  readonly releaseName: string;
}

/** @param names with their tags */
export async function tweedImage(
  say: (line: string) => void,
  names: readonly string[] = [TWEED],
  signal?: AbortSignal,
): Promise<TweedImage> {
  const { version } = JSON.parse(await readFile("package.json", "utf8")) as { readonly version: string };
  const top = `tweed-${version}-linux-${process.arch}`;
  const built = await buildImage(
    {
      id: "tweed",
      names,
      dockerfile: "Dockerfile",
      context: ".",
      writeMore: (root, directory) => writeRelease(join(root, "opt"), top, join(directory, "release.tar.gz")),
    },
    say,
    signal,
  );
  return { ...built, release: join(built.directory, "release.tar.gz"), releaseName: `${top}.tar.gz` };
}

async function writeRelease(directory: string, top: string, file: string): Promise<void> {
  await run("tar", [
    ...[
      "--create",
      `--file=${file}`,
      "--use-compress-program=gzip --best --no-name",
      `--directory=${directory}`,
    ],
    ...["--format=gnu", "--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"],
    // Transforms only names, not the targets of symbolic links.
    `--transform=s,^tweed,${top},S`,
    "tweed",
  ]);
}
