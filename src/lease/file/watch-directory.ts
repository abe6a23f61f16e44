/** Reports which files of a directory may have changed. */
import { messageOf } from "../../runtime/error.ts";
import type { Files } from "../../runtime/files.ts";
import { Latest } from "../../runtime/latest.ts";
import type { StoreSurroundings } from "../store.ts";
import { PRIVATE } from "./layout.ts";

/** Names of files. null means any file: at first, and every `pollMs`, as the kernel's events may miss changes. */
export type Changed = ReadonlySet<string> | null;

/** Ends by throwing only, when the signal aborts. */
export async function* watchDirectory(
  path: string,
  pollMs: number,
  surroundings: StoreSurroundings,
  signal: AbortSignal,
): AsyncGenerator<Changed, never> {
  const { files, clock, log } = surroundings;
  const stop = new AbortController();
  const ended = AbortSignal.any([signal, stop.signal]);
  const wake = new Latest<null>();
  let names = new Set<string>();
  let isPollDue = false;
  const poll = async () => {
    for (;;) {
      await clock.sleep(pollMs, ended);
      isPollDue = true;
      wake.put(null);
    }
  };
  // Polls too: inotify has limits per user, and network file systems do not report changes by other hosts.
  const warn = (error: unknown) =>
    log.warn(
      { op: "watch-directory", path, reason: messageOf(error) },
      "directory not watched, polling only",
    );
  const watcher = tryWatch(files, path, warn, (name) => {
    if (name.startsWith(PRIVATE)) return;
    names.add(name);
    wake.put(null);
  });
  const polling = poll().catch(() => undefined);
  try {
    yield null;
    for (;;) {
      await wake.take(ended);
      const changed = isPollDue ? null : names;
      isPollDue = false;
      names = new Set();
      yield changed;
    }
  } finally {
    stop.abort();
    watcher?.close();
    await polling;
  }
}

function tryWatch(
  files: Files,
  path: string,
  onError: (error: unknown) => void,
  onChange: (name: string) => void,
): { close(): void } | null {
  try {
    return files.watch(path, { onChange, onError });
  } catch (error) {
    onError(error);
    return null;
  }
}
