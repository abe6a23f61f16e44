/** The cost of a large forwarding table: streams alternately with one peer and with 5,000 more. */
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import type { Lab } from "../../src/lab/lab.ts";
import { inNamespace } from "../../src/lab/namespaces.ts";
import { labDirectory } from "../../src/lab/topology.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { run } from "../../src/runtime/program.ts";
import type { Figure } from "../figures/figure.ts";
import { median } from "../percentiles.ts";
import { buildUdpLab, nodesOf, removeUdpLab, Stream } from "./udp-lab.ts";

const PEERS = 5000;
const ROUNDS = 8;
/** The scheduler's placement of threads varies streams by more than the effect: many are needed. */
const STREAMS_IN_A_ROW = 12;
const STREAM_S = 1;
const SETTLE_TIMEOUT_MS = 20_000;
/** After the last table: the garbage collection after the change must not count. */
const REST_MS = 500;

export async function measureManyPeers(tweed: readonly string[], signal: AbortSignal): Promise<Figure[]> {
  // IPv6, because a /16 of IPv4 has no room for so many subnets.
  const lab = await buildUdpLab(tweed, { nodes: 2, families: "v6" });
  const stream = await Stream.open(lab);
  const few: number[] = [];
  const many: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const measureMany = async () => {
      await publishPeers(lab);
      await settled(lab, PEERS + 1, signal);
      many.push(...(await runInARow(stream, signal)));
    };
    const measureFew = async () => {
      await withdrawPeers(lab);
      await settled(lab, 1, signal);
      few.push(...(await runInARow(stream, signal)));
    };
    // Alternates, because the first in a round has the cooler processor.
    const order = round % 2 === 0 ? [measureMany, measureFew] : [measureFew, measureMany];
    for (const measure of order) await measure();
  }
  await removeUdpLab();
  const loss = 100 * (1 - median(many) / median(few));
  return [
    { name: "TCP with 1 peer, IPv6", unit: "Gbit/s", samples: few, bound: null },
    { name: `TCP with ${PEERS + 1} peers, IPv6`, unit: "Gbit/s", samples: many, bound: null },
    { name: `TCP, lost by the medians with ${PEERS + 1} peers`, unit: "%", samples: [loss], bound: 3 },
  ];
}

async function runInARow(stream: Stream, signal: AbortSignal): Promise<number[]> {
  const gbps: number[] = [];
  while (gbps.length < STREAMS_IN_A_ROW) gbps.push(await stream.run(STREAM_S, signal));
  return gbps;
}

/** Writes leases of synthetic nodes. */
async function publishPeers(lab: Lab): Promise<void> {
  const drafts = `${labDirectory(lab.spec.name)}/drafts`;
  await mkdir(drafts, { recursive: true });
  for (let number = 0; number < PEERS; number++) {
    const publicIpv6 = `fd00:198:18::a:${(number + 1).toString(16)}`;
    await writeFile(`${drafts}/${number}`, JSON.stringify({ PublicIP: "0.0.0.0", PublicIPv6: publicIpv6 }));
    await rename(`${drafts}/${number}`, leaseFile(lab, number));
  }
}

async function withdrawPeers(lab: Lab): Promise<void> {
  await Promise.all(
    Array.from({ length: PEERS }, (_, number) => rm(leaseFile(lab, number), { force: true })),
  );
}

function leaseFile(lab: Lab, number: number): string {
  const part = (0x1000 + number).toString(16);
  return `${labDirectory(lab.spec.name)}/store/subnets/0.0.0.0-0&fd00:10:244:${part}::-64.json`;
}

/** Waits until both ends have this number of peers. */
async function settled(lab: Lab, peers: number, signal: AbortSignal): Promise<void> {
  for (let waitedMs = 0; waitedMs < SETTLE_TIMEOUT_MS; waitedMs += REST_MS) {
    await systemClock.sleep(REST_MS, signal);
    const counts = await Promise.all(nodesOf(lab).map(({ namespace }) => countPeers(namespace)));
    if (counts.every((count) => count === peers)) return systemClock.sleep(REST_MS, signal);
  }
  throw new Error(`the daemons do not come to ${peers} peers within ${SETTLE_TIMEOUT_MS} ms`);
}

const ASK = 'fetch("http://127.0.0.1:8081/status").then((answer) => answer.text()).then(console.log)';

async function countPeers(namespace: string): Promise<number | undefined> {
  const status = await run("ip", inNamespace(namespace, [process.execPath, "-e", ASK]));
  return (JSON.parse(status) as { readonly dataplane: { readonly peers: number } | null }).dataplane?.peers;
}
