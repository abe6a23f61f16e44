/** A minute at full rate: whether memory grows, and whether the main thread still runs. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { systemClock } from "../../src/runtime/clock.ts";
import type { Figure } from "../figures/figure.ts";
import { readMemory } from "../figures/process-usage.ts";
import { buildUdpLab, removeUdpLab, Stream } from "./udp-lab.ts";

const SECONDS = 60;
/** Time until code is compiled and buffers are mapped. */
const WARM_UP_S = 10;
const LOOK_EVERY_MS = 1000;
/** Loaded into the daemon before its own code. */
const WATCH = resolve("bench/udp/loop-watch.mjs");

export async function measureFullRate(tweed: readonly string[], signal: AbortSignal): Promise<Figure[]> {
  const [node = "", ...program] = tweed;
  const lab = await buildUdpLab([node, "--import", WATCH, ...program], { nodes: 2, families: "v4" });
  const stream = await Stream.open(lab);
  const daemons = lab.nodes.map((each) => lab.daemonPid(each));
  await stream.run(WARM_UP_S, signal);
  const rssMb = async () => (await Promise.all(daemons.map(readMemory))).map((memory) => memory.rssMb);

  const before = await rssMb();
  let isOver = false;
  const running = stream.run(SECONDS, signal).finally(() => {
    isOver = true;
  });
  const looks: (readonly number[])[] = [];
  while (!isOver) {
    await systemClock.sleep(LOOK_EVERY_MS, signal);
    looks.push(await rssMb());
  }
  const gbps = await running;
  const stalls = await Promise.all(daemons.map(readLongestStallMs));
  await removeUdpLab();
  const after = looks.slice(-WARM_UP_S);
  return [
    { name: `TCP for ${SECONDS} s, one stream`, unit: "Gbit/s", samples: [gbps], bound: null },
    {
      name: "RSS at full rate, most of each daemon",
      unit: "MB",
      samples: before.map((_, daemon) => Math.max(...looks.map((look) => look[daemon] ?? 0))),
      bound: 130,
    },
    {
      name: `RSS grown in ${SECONDS} s, each daemon`,
      unit: "MB",
      samples: before.map((mb, daemon) => Math.max(...after.map((look) => look[daemon] ?? 0)) - mb),
      bound: 5,
    },
    { name: "longest stall of each main thread", unit: "ms", samples: stalls, bound: 50 },
  ];
}

async function readLongestStallMs(pid: number): Promise<number> {
  return Number(await readFile(`/run/tweed/loop-watch-${pid}`, "utf8"));
}
