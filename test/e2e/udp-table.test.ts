/** A cluster of 5,000 nodes comes, moves and goes while packets flow between two of them: none is lost. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { labDirectory } from "../../src/lab/topology.ts";
import { eventually } from "../support/eventually.ts";
import { readMetrics, readStatus, readUdpCounters } from "../support/node-pages.ts";
import { leaseFile } from "../support/published-leases.ts";
import { useLab } from "../support/test-lab.ts";

const NAME = "udptab";
const PEERS = 5000;
const PING_MS = 2;

// IPv6, because a /16 of IPv4 has no room for them.
const bed = useLab({ name: NAME, nodes: 2, backend: { Type: "udp" }, store: "file", families: "v6" });

test(`${PEERS} peers come, move and go without the loss of a packet`, async () => {
  const before = await readUdpCounters(bed.node(1));
  const come = draft("fd00:198:18::a:", PEERS);
  // One more, and the last to be seen: when it is there, all others have moved.
  const move = draft("fd00:198:18::b:", PEERS + 1);
  const pings = await bed.lab.startPings(bed.node(1), bed.node(2), PING_MS);
  come();
  await forwardsTo(PEERS + 1);
  move();
  await forwardsTo(PEERS + 2);
  for (let number = 0; number <= PEERS; number++) rmSync(fileOf(number));
  await forwardsTo(1);
  const [result] = await pings.stop();
  expect(result?.received).toBeGreaterThan(0);
  expect(result?.lost).toBe(0);
  const after = await readUdpCounters(bed.node(1));
  for (const reason of ["drop-no-route", "drop-unknown-peer", "drop-foreign-source", "lost-send"] as const) {
    expect(after[reason], reason).toBe(before[reason]);
  }
});

/** Waits until the table that packets go by has so many peers. */
async function forwardsTo(peers: number): Promise<void> {
  // Its status names them all, which is not to be asked often.
  await eventually(() => readMetrics(bed.node(1))).toMatch(new RegExp(`^tweed_peers\\{.*\\} ${peers}$`, "m"));
  await eventually(async () => (await readStatus(bed.node(1))).dataplane?.peers).toBe(peers);
}

/** Writes a lease for each peer, its public address after `stem`. @returns what puts them into the store, all at once */
function draft(stem: string, count: number): () => void {
  const directory = `${labDirectory(NAME)}/draft ${stem}`;
  mkdirSync(directory);
  const numbers = Array.from({ length: count }, (_, number) => number);
  for (const number of numbers) {
    const lease = { PublicIP: "0.0.0.0", PublicIPv6: `${stem}${(number + 1).toString(16)}` };
    writeFileSync(`${directory}/${number}`, JSON.stringify(lease));
  }
  return () => {
    for (const number of numbers) renameSync(`${directory}/${number}`, fileOf(number));
  };
}

function fileOf(number: number): string {
  const part = (0x1000 + number).toString(16);
  return leaseFile(`${labDirectory(NAME)}/store`, `0.0.0.0-0&fd00:10:244:${part}::-64`);
}
