/** Cumulative usage by the machine, the daemons and their network stacks, from /proc (proc(5)). */
import { readFile } from "node:fs/promises";
import * as v from "valibot";
import { TweedError } from "../src/runtime/error.ts";

const USAGE = v.object({
  /** Busy seconds of the machine's cores, including interrupts, without time stolen by a hypervisor. */
  machineCpuS: v.number(),
  daemonCpuS: v.number(),
  /** Resident memory of the largest daemon, now. */
  daemonRssMb: v.number(),
  /** Packets that devices and UDP sockets of the daemons' network namespaces dropped. */
  drops: v.number(),
});

/** Counters since start; two of them give a rate. */
export type Usage = v.InferOutput<typeof USAGE>;

/** @returns the usage of another machine. @throws TweedError `invalid-result` */
export function parseUsage(value: unknown, origin: string): Usage {
  const result = v.safeParse(USAGE, value);
  if (result.success) return result.output;
  throw new TweedError({
    code: "invalid-result",
    operation: `read ${origin}`,
    reason: `it is not what tweed bench --server says: ${v.summarize(result.issues)}`,
  });
}

/** USER_HZ: the kernel's unit towards user space is the same on every architecture that runs Tweed. */
const TICKS_PER_S = 100;

/** @param daemons PIDs; one that has ended counts as zero */
export async function readUsage(daemons: readonly number[]): Promise<Usage> {
  const each = await Promise.all(daemons.map(readDaemon));
  return {
    machineCpuS: machineCpuS(await readFile("/proc/stat", "utf8")),
    daemonCpuS: each.reduce((sum, daemon) => sum + daemon.cpuS, 0),
    daemonRssMb: Math.max(0, ...each.map((daemon) => daemon.rssMb)),
    drops: each.reduce((sum, daemon) => sum + daemon.drops, 0),
  };
}

async function readDaemon(pid: number): Promise<{ cpuS: number; rssMb: number; drops: number }> {
  const read = (file: string) => readFile(`/proc/${pid}/${file}`, "utf8");
  try {
    const [stat, status, devices, protocols] = await Promise.all(
      ["stat", "status", "net/dev", "net/snmp"].map(read),
    );
    return {
      cpuS: processCpuS(stat ?? ""),
      rssMb: residentMb(status ?? ""),
      drops: deviceDrops(devices ?? "") + socketDrops(protocols ?? ""),
    };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ESRCH" && code !== "EINVAL") throw error;
    return { cpuS: 0, rssMb: 0, drops: 0 };
  }
}

/** First line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal, …; guests are within user. */
export function machineCpuS(stat: string): number {
  const ticks = (stat.split("\n")[0] ?? "").trim().split(/\s+/).slice(1).map(Number);
  const busy = [0, 1, 2, 5, 6].reduce((sum, field) => sum + (ticks[field] ?? 0), 0);
  return busy / TICKS_PER_S;
}

/** utime and stime, fields 14 and 15; the name in field 2 may contain spaces and parentheses. */
export function processCpuS(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS_PER_S;
}

function residentMb(status: string): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
}

/** Receive and transmit drops of all devices: the 4th and the 12th number of a line of /proc/net/dev. */
export function deviceDrops(devices: string): number {
  return devices.split("\n").reduce((sum, line) => {
    const numbers = line.includes(":") ? (line.split(":")[1] ?? "").trim().split(/\s+/).map(Number) : [];
    return sum + (numbers[3] ?? 0) + (numbers[11] ?? 0);
  }, 0);
}

/** RcvbufErrors and SndbufErrors of UDP; /proc/net/snmp has a line of names above each line of numbers. */
export function socketDrops(protocols: string): number {
  const [names = [], numbers = []] = protocols
    .split("\n")
    .filter((line) => line.startsWith("Udp:"))
    .map((line) => line.split(" "));
  const numberOf = (name: string) => Number(numbers[names.indexOf(name)] ?? 0);
  return numberOf("RcvbufErrors") + numberOf("SndbufErrors");
}
