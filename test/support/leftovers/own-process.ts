/** Open resources of this process: compared before and after a suite, whose tests must close all they open. */
import { readdirSync, readlinkSync } from "node:fs";

/** Count of each kind. */
export type OpenThings = ReadonlyMap<string, number>;

/** libuv opens these once for its loop and holds them for good (uv__platform_loop_init, uv_fs_event_start). */
const OF_THE_LOOP = /^anon_inode:(?:inotify|\[eventpoll\]|\[io_uring\])$/;

/** Handles and timers that hold the event loop, and descriptors by their target. */
export function openThings(): OpenThings {
  const counts = new Map<string, number>();
  const count = (kind: string) => counts.set(kind, (counts.get(kind) ?? 0) + 1);
  for (const resource of process.getActiveResourcesInfo()) count(`handle ${resource}`);
  for (const target of descriptorTargets()) {
    if (!OF_THE_LOOP.test(target)) count(`descriptor of ${target.replace(/:\[\d+\]$/, "")}`);
  }
  return counts;
}

/** One line for each kind whose count has grown. */
export function openedSince(before: OpenThings): string[] {
  return [...openThings()].flatMap(([kind, count]) => {
    const more = count - (before.get(kind) ?? 0);
    return more > 0 ? [`${more} more: ${kind}`] : [];
  });
}

function descriptorTargets(): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      // The descriptor that the directory was read through.
      return [];
    }
  });
}
