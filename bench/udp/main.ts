/**
 * The cost of the UDP data plane over time and with many peers: `npm run bench:udp`. Prints a table and ends with 1
 * when a bound is missed. `npm run bench` compares its throughput with other backends. Requires root and iproute2; runs
 * only in network namespaces that it creates. `npm run bench:udp -- idle` measures one section.
 */
import { resolve } from "node:path";
import { requirePrograms } from "../../src/lab/requirements.ts";
import { messageOf } from "../../src/runtime/error.ts";
import { type Figure, isMissed } from "../figures/figure.ts";
import { formatTable } from "../figures/table.ts";
import { measureFullRate } from "./full-rate.ts";
import { measureIdle } from "./idle.ts";
import { measureManyPeers } from "./many-peers.ts";
import { removeUdpLab } from "./udp-lab.ts";

type Section = (tweed: readonly string[], signal: AbortSignal) => Promise<Figure[]>;

const SECTIONS: Readonly<Record<string, Section>> = {
  idle: measureIdle,
  "full-rate": measureFullRate,
  "many-peers": measureManyPeers,
};
const TWEED = [process.execPath, resolve("dist/tweed.cjs")];

async function main(): Promise<number> {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => stop.abort(new Error(`stopped by ${name}`)));
  }
  const say = (line: string) => process.stderr.write(`${line}\n`);
  await requirePrograms(["ip", "iperf3", "ethtool"], say);
  try {
    const figures: Figure[] = [];
    for (const [title, measure] of chosenSections(process.argv.slice(2))) {
      stop.signal.throwIfAborted();
      say(`${title} …`);
      figures.push(...(await measure(TWEED, stop.signal)));
    }
    process.stdout.write(`${formatTable(figures)}\n`);
    const missed = figures.filter(isMissed);
    for (const { name } of missed) process.stdout.write(`bound missed: ${name}\n`);
    return missed.length === 0 ? 0 : 1;
  } finally {
    await removeUdpLab();
  }
}

/** All sections if none is named. */
function chosenSections(names: readonly string[]): [string, Section][] {
  const unknown = names.find((name) => !Object.hasOwn(SECTIONS, name));
  if (unknown !== undefined) {
    throw new Error(`${JSON.stringify(unknown)} is none of ${Object.keys(SECTIONS).join(", ")}`);
  }
  return Object.entries(SECTIONS).filter(([name]) => names.length === 0 || names.includes(name));
}

main().then(
  (exitCode) => process.exit(exitCode),
  (error: unknown) => {
    process.stderr.write(`bench:udp: ${messageOf(error)}\n`);
    process.exit(1);
  },
);
