/** Reports which files of a directory may have changed. */
import { messageOf } from "../../runtime/error.ts";
import { Latest } from "../../runtime/latest.ts";
import { linkedAbort } from "../../runtime/linked-abort.ts";
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
  const ended = linkedAbort(signal);
  const wake = new Latest<null>();
  let names = new Set<string>();
  let isPollDue = false;
  let watcher: { close(): void } | null = null;
  const poll = async () => {
    for (;;) {
      await clock.sleep(pollMs, ended.signal);
      if (watcher === null) watch();
      isPollDue = true;
      wake.put(null);
    }
  };
  // Polls too: inotify has limits per user, and network file systems do not report changes by other hosts.
  let loggedReason: string | null = null;
  const onError = (error: unknown) => {
    watcher?.close();
    watcher = null;
    const reason = messageOf(error);
    if (reason === loggedReason) return;
    loggedReason = reason;
    log.warn({ op: "watch-directory", path, reason }, "directory not watched, polling only");
  };
  const onChange = (name: string) => {
    if (name.startsWith(PRIVATE)) return;
    names.add(name);
    wake.put(null);
  };
  /** Also after a watch has ended, as its file system was away. */
  const watch = () => {
    try {
      watcher = files.watch(path, { onChange, onError });
    } catch (error) {
      onError(error);
    }
  };
  watch();
  const polling = poll().catch(() => undefined);
  try {
    yield null;
    for (;;) {
      await wake.take(ended.signal);
      const changed = isPollDue ? null : names;
      isPollDue = false;
      names = new Set();
      yield changed;
    }
  } finally {
    ended.abort();
    (watcher as { close(): void } | null)?.close();
    await polling;
  }
}
