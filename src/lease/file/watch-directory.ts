/** Which files of a directory may have changed. */
import { type FSWatcher, watch } from "node:fs";
import { messageOf } from "../../runtime/error.ts";
import { Latest } from "../../runtime/latest.ts";
import type { StoreSurroundings } from "../store.ts";
import { PRIVATE } from "./atomic-file.ts";

/** null stands for any of them: at first, and every `pollMs` in case the kernel's events do not tell all. */
export type Changed = ReadonlySet<string> | null;

/** Ends by throwing only, when the signal aborts. */
export async function* watchDirectory(
  path: string,
  pollMs: number,
  surroundings: StoreSurroundings,
  signal: AbortSignal,
): AsyncGenerator<Changed, never> {
  const { clock, log } = surroundings;
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
  // inotify has limits per user, and network file systems do not report what other hosts do: hence the poll.
  const complain = (error: unknown) =>
    log.warn(
      { op: "watch-directory", path, reason: messageOf(error) },
      "changes are noticed by polling only",
    );
  const watcher = tryWatch(path, complain, (name) => {
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
  path: string,
  onError: (error: unknown) => void,
  onChange: (name: string) => void,
): FSWatcher | null {
  try {
    const watcher = watch(path, (_event, name) => {
      if (name !== null) onChange(name);
    });
    watcher.on("error", onError);
    return watcher;
  } catch (error) {
    onError(error);
    return null;
  }
}
