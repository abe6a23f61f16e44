/** Builds an image from its Dockerfile, without Docker, into the cache. */
import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cacheDirectory, refill } from "../../support/cache-directory.ts";
import { type BaseRoot, baseRoot } from "./base-root.ts";
import { type BuildContext, inputFiles, openContext } from "./build-context.ts";
import { writeDockerArchive } from "./docker-archive.ts";
import { parseDockerfile } from "./dockerfile.ts";
import { settingsOf } from "./image-config.ts";
import { StageRoot } from "./stage-root.ts";
import { type Stage, stagesOf } from "./stages.ts";

export interface ImageSource {
  /** Name of its directory in the cache. */
  readonly id: string;
  /** Names with tags. */
  readonly names: readonly string[];
  readonly dockerfile: string;
  /** The source directory of COPY. */
  readonly context: string;
  /** Writes further files from the finished root into the image's directory in the cache. */
  readonly writeMore?: (root: string, directory: string) => Promise<void>;
}

export interface BuiltImage {
  readonly names: readonly string[];
  /** A docker-archive. */
  readonly archive: string;
  readonly directory: string;
}

/** To be increased when the output for equal inputs changes. */
const FORMAT = 1;

/** The image from the cache if its inputs are equal; otherwise a new one, which replaces the old one. */
export async function buildImage(
  source: ImageSource,
  say: (line: string) => void,
  signal?: AbortSignal,
): Promise<BuiltImage> {
  const text = await readFile(source.dockerfile, "utf8");
  const stages = stagesOf(parseDockerfile(text));
  const context = await openContext(source.context);
  const bases: BaseRoot[] = [];
  for (const { base } of stages) bases.push(await baseRoot(base, say));
  const steps = stages.flatMap((stage) => stage.steps);
  const key = imageKey({
    names: source.names,
    dockerfile: text,
    bases: bases.map((base) => base.key),
    files: await inputFiles(context, steps),
  });

  const directory = join(cacheDirectory(), "images", source.id);
  const built = { names: source.names, archive: join(directory, "image.tar"), directory };
  if ((await readFile(join(directory, "key"), "utf8").catch(() => null)) === key) return built;
  await refill(directory, async (empty) => {
    const work = join(empty, "work");
    const progress = (line: string) => say(`${source.id}: ${line}`);
    const root = await buildStages(stages, bases, context, work, progress, signal);
    const settings = settingsOf(stages.at(-1)?.steps ?? []);
    await writeDockerArchive(join(empty, "image.tar"), { names: source.names, settings, root });
    await source.writeMore?.(root, empty);
    await rm(work, { recursive: true });
    await writeFile(join(empty, "key"), key);
  });
  return built;
}

/** A key of all inputs of the image, except for downloads by its commands. */
export function imageKey(inputs: {
  readonly names: readonly string[];
  readonly dockerfile: string;
  readonly bases: readonly string[];
  /** Path, mode and hash of each. */
  readonly files: readonly string[];
}): string {
  const { names, dockerfile, bases, files } = inputs;
  return createHash("sha256")
    .update(JSON.stringify([FORMAT, process.arch, names, dockerfile, bases, files]))
    .digest("hex");
}

/** @returns the root of the last stage */
async function buildStages(
  stages: readonly Stage[],
  bases: readonly BaseRoot[],
  context: BuildContext,
  work: string,
  say: (line: string) => void,
  signal?: AbortSignal,
): Promise<string> {
  const roots = new Map<string, StageRoot>();
  let last = "";
  for (const [index, stage] of stages.entries()) {
    last = join(work, String(index));
    await mkdir(last, { recursive: true });
    await bases[index]?.fill(last);
    const root = new StageRoot(last);
    for (const step of stage.steps) {
      signal?.throwIfAborted();
      say(step.text);
      await root.execute(step, context, roots, signal);
    }
    if (stage.name !== null) roots.set(stage.name, root);
  }
  return last;
}
