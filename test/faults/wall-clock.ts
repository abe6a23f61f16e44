/** The wall clock of a single daemon, by Debian's `faketime`: a library between the daemon and the C library. */
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { labDirectory } from "../../src/lab/topology.ts";
import type { Fault } from "./fault.ts";
import { readWallClock } from "./inspector.ts";

const LASTS_MS = 3000;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const LIBRARIES = "/usr/lib";
/** For programs with threads. */
const LIBRARY = "libfaketimeMT.so.1";

/** Variables of a daemon whose clock can be set later; null where the library is not installed. */
export async function clockEnvironment(labName: string): Promise<Readonly<Record<string, string>> | null> {
  for (const architecture of await readdir(LIBRARIES)) {
    const directory = join(LIBRARIES, architecture, "faketime");
    const names: readonly string[] = await readdir(directory).catch(() => []);
    if (!names.includes(LIBRARY)) continue;
    return {
      LD_PRELOAD: join(directory, LIBRARY),
      FAKETIME_TIMESTAMP_FILE: offsetFile(labName),
      // The file is read again at most once a second.
      FAKETIME_CACHE_DURATION: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      FAKETIME_DONT_RESET: "1",
    };
  }
  return null;
}

/** Without it the clock is right. */
function offsetFile(labName: string): string {
  return join(labDirectory(labName), "wall-clock");
}

export async function setClock(labName: string, days: number): Promise<void> {
  await writeFile(offsetFile(labName), `${days < 0 ? "-" : "+"}${Math.abs(days)}d\n`);
}

const step = (days: number): Fault => ({
  title: `wall clock a day ${days > 0 ? "ahead" : "behind"} for ${LASTS_MS / 1000} s`,
  hits: "daemon",
  needsClock: true,
  inflict: async ({ lab, victim, sleep }) => {
    try {
      await setClock(lab.spec.name, days);
      await sleep(LASTS_MS);
      const aheadMs = (await readWallClock(lab, victim)) - Date.now();
      if (Math.round(aheadMs / MINUTE_MS) !== Math.round((days * DAY_MS) / MINUTE_MS))
        throw new Error(`the daemon's clock is ${aheadMs} ms ahead, expected ${days} days`);
    } finally {
      await setClock(lab.spec.name, 0);
    }
  },
});

export const CLOCK_FAULTS: readonly Fault[] = [step(1), step(-1)];
