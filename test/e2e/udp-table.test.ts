/** A cluster of 5,000 nodes comes, moves and goes while packets flow between two of them: none is lost. */
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { labDirectory } from "../../src/lab/topology.ts";
import { readStatus, readUdpCounters } from "../support/node-pages.ts";
import { useLab } from "../support/test-lab.ts";

const NAME = "udptab";
const PEERS = 5000;
const PING_MS = 2;

// IPv6, because a /16 of IPv4 has no room for them.
const bed = useLab({ name: NAME, nodes: 2, backend: { Type: "udp" }, store: "file", families: "v6" });

test(`${PEERS} peers come, move and go without the loss of a packet`, async () => {
  const before = await readUdpCounters(bed.node(1));
  const pings = await bed.lab.startPings(bed.node(1), bed.node(2), PING_MS);
  await publish("fd00:198:18::a:");
  await settled(PEERS + 1);
  await publish("fd00:198:18::b:");
  await sleep(1500);
  await Promise.all(Array.from({ length: PEERS }, (_, number) => rm(fileOf(number))));
  await settled(1);
  const [result] = await pings.stop();
  expect(result?.sent).toBeGreaterThan(500);
  expect(result?.lost).toBe(0);
  const after = await readUdpCounters(bed.node(1));
  for (const reason of ["drop-no-route", "drop-unknown-peer", "drop-foreign-source", "lost-send"] as const) {
    expect(after[reason], reason).toBe(before[reason]);
  }
});

function fileOf(number: number): string {
  const part = (0x1000 + number).toString(16);
  return `${labDirectory(NAME)}/store/subnets/0.0.0.0-0&fd00:10:244:${part}::-64.json`;
}

/** A lease for each peer, its public address after `stem`. */
async function publish(stem: string): Promise<void> {
  const draft = `${labDirectory(NAME)}/drafts`;
  await mkdir(draft, { recursive: true });
  for (let number = 0; number < PEERS; number++) {
    const lease = { PublicIP: "0.0.0.0", PublicIPv6: `${stem}${(number + 1).toString(16)}` };
    await writeFile(`${draft}/${number}`, JSON.stringify(lease));
    await rename(`${draft}/${number}`, fileOf(number));
  }
}

async function settled(peers: number): Promise<void> {
  await expect
    .poll(async () => (await readStatus(bed.node(1))).dataplane?.peers, { timeout: 20_000, interval: 100 })
    .toBe(peers);
}
