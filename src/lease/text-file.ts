/** Follows the text of a file that other programs write, such as a network configuration. */
import { dirname } from "node:path";
import { messageOf } from "../runtime/error.ts";
import { type Files, readText } from "../runtime/files.ts";
import { watchDirectory } from "./file/watch-directory.ts";
import type { StoreSurroundings } from "./store.ts";

/** The size limit of a ConfigMap. */
const MAX_BYTES = 1024 * 1024;

/**
 * Yields the text, and again after each change; waits while the file is missing or unreadable. It watches
 * the directory, as Kubernetes changes a mounted ConfigMap by swapping a link beside the file.
 */
export async function* followText(
  path: string,
  pollMs: number,
  surroundings: StoreSurroundings,
  signal: AbortSignal,
): AsyncGenerator<string, void> {
  let known: string | null = null;
  let loggedFault: string | null = null;
  for await (const _ of watchDirectory(dirname(path), pollMs, surroundings, signal)) {
    const { text, fault } = await readOrFault(surroundings.files, path);
    if (fault !== null && fault !== loggedFault) {
      surroundings.log.warn(
        { op: "read-config", path, reason: fault },
        "waiting for a network configuration",
      );
    }
    loggedFault = fault;
    if (text === null || text === known) continue;
    known = text;
    yield text;
  }
}

async function readOrFault(
  files: Files,
  path: string,
): Promise<
  { readonly text: string; readonly fault: null } | { readonly text: null; readonly fault: string }
> {
  try {
    return { text: await readText(files, path, MAX_BYTES), fault: null };
  } catch (error) {
    return { text: null, fault: messageOf(error) };
  }
}
