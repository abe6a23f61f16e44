import type { Prefix } from "../net/index.ts";
import type { Clock } from "../runtime/clock.ts";
import { messageOf } from "../runtime/error.ts";
import { type Files, readText } from "../runtime/files.ts";
import { type MasqueradeExclusions, parseExclusions } from "./masquerade-exclusions.ts";

/** Fast enough for an operator; a watch would miss the links that Kubernetes swaps in the path of a mounted file. */
const POLL_MS = 1000;
const MAX_BYTES = 1024 * 1024;

export interface ExclusionFollower {
  readonly files: Files;
  readonly clock: Clock;
  /** Called with each new reason why the file is invalid; the last valid list stays in force. */
  onFault(reason: string): void;
}

/**
 * Yields the destinations, and for a file again after each change. A malformed or missing file counts as empty until
 * a valid one was read. Ends when the signal aborts, with its reason.
 */
export async function* followExclusions(
  exclusions: MasqueradeExclusions,
  { files, clock, onFault }: ExclusionFollower,
  signal: AbortSignal,
): AsyncGenerator<readonly Prefix[], void> {
  if (exclusions.kind === "list") {
    yield exclusions.prefixes;
    return;
  }
  let current: string | null = null;
  let fault: string | null = null;
  for (;;) {
    const found = await read(files, exclusions.path);
    if ("reason" in found) {
      if (found.reason !== fault) onFault(found.reason);
      fault = found.reason;
      if (current === null) {
        current = "";
        yield [];
      }
    } else {
      fault = null;
      const text = found.prefixes.join();
      if (text !== current) yield found.prefixes;
      current = text;
    }
    await clock.sleep(POLL_MS, signal);
  }
}

async function read(
  files: Files,
  path: string,
): Promise<{ readonly prefixes: readonly Prefix[] } | { readonly reason: string }> {
  try {
    const parsed = parseExclusions(await readText(files, path, MAX_BYTES));
    if ("prefixes" in parsed) return parsed;
    const word = JSON.stringify(parsed.malformed.slice(0, 80));
    return { reason: `${path}: ${word} is not a network without host bits such as 192.168.0.0/16` };
  } catch (error) {
    return { reason: messageOf(error) };
  }
}
