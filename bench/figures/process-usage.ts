/** Memory and CPU of a process, from /proc (proc(5)). */
import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

export interface Memory {
  readonly rssMb: number;
  /** Its maximum so far. */
  readonly peakMb: number;
}

export async function readMemory(pid: number): Promise<Memory> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const field = (name: string) => {
    const kib = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1];
    if (kib === undefined) throw new Error(`/proc/${pid}/status has no ${name}`);
    return Number(kib) / 1024;
  };
  return { rssMb: field("VmRSS"), peakMb: field("VmHWM") };
}

/** Share of one core, in percent, that all threads of the process took together. */
export async function watchCpu(pid: number, forMs: number): Promise<number> {
  const startedMs = performance.now();
  const before = await readCpuMs(pid);
  await sleep(forMs);
  return ((await readCpuMs(pid)) - before) / ((performance.now() - startedMs) / 100);
}

/** CPU time of its threads so far, by the scheduler's own count in nanoseconds: the ticks of /proc/PID/stat are too coarse for an idle process. */
export async function readCpuMs(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`);
  const each = await Promise.all(
    threads.map(async (thread) => {
      const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, "utf8");
      return Number(text.split(" ")[0]) / 1e6;
    }),
  );
  return each.reduce((sum, ms) => sum + ms, 0);
}
