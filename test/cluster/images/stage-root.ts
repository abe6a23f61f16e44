/** The root directory of a stage during the execution of its steps. */
import { copyFile, cp, mkdir, realpath, rm, stat, truncate } from "node:fs/promises";
import { basename, join, posix, relative } from "node:path";
import { TweedError } from "../../../src/runtime/error.ts";
import { run } from "../../../src/runtime/program.ts";
import type { BuildContext } from "./build-context.ts";
import type { Step } from "./dockerfile.ts";
import { PATH } from "./image-config.ts";

const RUN_TIMEOUT_MS = 1_800_000;

export class StageRoot {
  readonly directory: string;
  #workdir = "/";

  /** @param directory already contains the base */
  constructor(directory: string) {
    this.directory = directory;
  }

  /** @param stages the roots of the earlier stages, by name */
  async execute(
    step: Step,
    context: BuildContext,
    stages: ReadonlyMap<string, StageRoot>,
    signal?: AbortSignal,
  ): Promise<void> {
    if (step.kind === "workdir") {
      this.#workdir = posix.resolve(this.#workdir, step.path);
      await this.#makeDirectory(this.#workdir);
    } else if (step.kind === "copy") {
      const admits = step.from === null ? context.admits : () => true;
      const from = step.from === null ? context.directory : stages.get(step.from)?.directory;
      if (from === undefined) throw copyFault(step.text, `no stage is called ${step.from}`);
      for (const source of step.sources) await this.#copy(from, source, step.target, admits);
    } else if (step.kind === "run") {
      await this.#run(step.command, signal);
    }
  }

  /** As Docker does: copies the contents of a directory, and a file into the target directory or to the target name. */
  async #copy(
    from: string,
    source: string,
    target: string,
    admits: (path: string) => boolean,
  ): Promise<void> {
    const path = join(from, posix.join("/", source));
    const isAdmitted = (entry: string) => entry === from || admits(relative(from, entry));
    if (!isAdmitted(path)) throw copyFault(source, "left out by .dockerignore");
    const named = posix.resolve(this.#workdir, target);
    const isInto = target.endsWith("/") || (await isDirectory(join(this.directory, named)));
    const isWhole = (await isDirectory(path)) || !isInto;
    const to = isWhole ? named : posix.join(named, basename(path));
    await this.#makeDirectory(posix.dirname(to));
    await cp(path, join(this.directory, to), { recursive: true, verbatimSymlinks: true, filter: isAdmitted });
  }

  /**
   * Refuses a path that an absolute symbolic link of the image would lead out of its root, into this machine's files.
   */
  async #makeDirectory(path: string): Promise<void> {
    let existing = path;
    while (!(await isDirectory(join(this.directory, existing)))) existing = posix.dirname(existing);
    const real = await realpath(join(this.directory, existing));
    if (relative(await realpath(this.directory), real).startsWith(".."))
      throw copyFault(path, "a symbolic link leads out of the image");
    await mkdir(join(this.directory, path), { recursive: true });
  }

  /** In its own namespaces, so that no process or mount of it remains; the network is this machine's. */
  async #run(command: readonly string[], signal?: AbortSignal): Promise<void> {
    const resolver = join(this.directory, "etc/resolv.conf");
    const authorities = join(this.directory, "run/authorities.pem");
    const environment = [`PATH=${PATH}`, "HOME=/root"];
    await copyFile("/etc/resolv.conf", resolver);
    const extra = process.env.NODE_EXTRA_CA_CERTS;
    if (extra !== undefined) {
      await copyFile(extra, authorities);
      environment.push("NODE_EXTRA_CA_CERTS=/run/authorities.pem");
    }
    const isolation = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc=/proc"];
    try {
      await run(
        "unshare",
        [
          ...isolation,
          `--root=${this.directory}`,
          `--wd=${this.#workdir}`,
          ...["/usr/bin/env", "-i", ...environment, ...command],
        ],
        { timeoutMs: RUN_TIMEOUT_MS, ...(signal === undefined ? {} : { signal }) },
      );
    } finally {
      await rm(authorities, { force: true });
      await truncate(resolver);
    }
  }
}

async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() ?? false;
}

function copyFault(what: string, reason: string): TweedError {
  return new TweedError({ code: "bad-dockerfile", operation: `copy ${what}`, reason });
}
