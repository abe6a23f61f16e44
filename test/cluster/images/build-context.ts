/** The files available to COPY: the context's directory without what its .dockerignore excludes. */
import { createHash } from "node:crypto";
import { readdir, readFile, readlink, stat } from "node:fs/promises";
import { join, posix } from "node:path";
import { TweedError } from "../../../src/runtime/error.ts";
import type { Step } from "./dockerfile.ts";

export interface BuildContext {
  readonly directory: string;
  /** Whether COPY may take the file or directory; its path is relative to the context's directory. */
  admits(path: string): boolean;
}

export async function openContext(directory: string): Promise<BuildContext> {
  const rules = await readFile(join(directory, ".dockerignore"), "utf8").catch((error) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  return { directory, admits: ignoreRules(rules) };
}

/**
 * Supports `*` alone and paths without wildcards, with `!` for exceptions at the top; the last rule that matches the path, or
 * a directory that it is in, decides. @throws TweedError `bad-dockerfile`
 */
export function ignoreRules(text: string): (path: string) => boolean {
  const rules = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => ({ admits: line.startsWith("!"), pattern: line.replace(/^!/, "") }));
  const isSupported = ({ admits, pattern }: { admits: boolean; pattern: string }) =>
    pattern === "*" || (admits ? /^[\w.-]+$/ : /^[\w.-]+(?:\/[\w.-]+)*$/).test(pattern);
  const odd = rules.find((rule) => !isSupported(rule));
  if (odd !== undefined) {
    throw new TweedError({
      code: "bad-dockerfile",
      operation: "read .dockerignore",
      reason: `the pattern ${odd.admits ? "!" : ""}${odd.pattern} is not supported`,
    });
  }
  return (path) => {
    const covers = ({ pattern }: { pattern: string }) =>
      pattern === "*" || path === pattern || path.startsWith(`${pattern}/`);
    return rules.findLast(covers)?.admits ?? true;
  };
}

/** Files of the context that the steps copy, each with its mode and contents. */
export async function inputFiles(context: BuildContext, steps: readonly Step[]): Promise<string[]> {
  const inputs: string[] = [];
  for (const step of steps) {
    if (step.kind !== "copy" || step.from !== null) continue;
    for (const source of step.sources) await describe(context, posix.normalize(source), inputs);
  }
  return inputs;
}

async function describe(context: BuildContext, path: string, inputs: string[]): Promise<void> {
  if (path !== "." && !context.admits(path)) return;
  const absolute = join(context.directory, path);
  const { mode } = await stat(absolute);
  const entries = await readdir(absolute, { withFileTypes: true }).catch((error) => {
    if (error.code === "ENOTDIR") return null;
    throw error;
  });
  if (entries === null) {
    inputs.push(`${path} ${mode.toString(8)} ${await hashOf(absolute)}`);
    return;
  }
  for (const entry of entries.sort((one, other) => (one.name < other.name ? -1 : 1))) {
    const below = posix.join(path, entry.name);
    if (!entry.isSymbolicLink()) await describe(context, below, inputs);
    else if (context.admits(below)) inputs.push(`${below} -> ${await readlink(join(absolute, entry.name))}`);
  }
}

async function hashOf(file: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(file))
    .digest("hex");
}
