/** One round through the backends, from plain vxlan to plain vxlan, under pings and streams between every pair. */
import { expect } from "vitest";
import type { JsonObject } from "../../src/runtime/json.ts";
import { disagreements, readCarriers, waitForCarrier } from "./carriers.ts";
import { LossTally } from "./loss-tally.ts";
import { lostPairs, PodTraffic } from "./pod-traffic.ts";
import { type ReversePathFilter, setReversePathFilter } from "./reverse-path-filter.ts";
import { isLongRun, type TestLab } from "./test-lab.ts";

export const VXLAN = { Type: "vxlan" };

export interface Turn {
  readonly backend: JsonObject;
  /** The device that carries every pair afterwards. */
  readonly device: string;
}

const ROUND: readonly Turn[] = [
  { backend: { Type: "host-gw" }, device: "eth0" },
  { backend: { Type: "udp" }, device: "flannel0" },
  { backend: VXLAN, device: "flannel.1" },
  { backend: { Type: "vxlan", VNI: 7, Port: 4789 }, device: "flannel.7" },
  { backend: { Type: "vxlan", DirectRouting: true }, device: "eth0" },
  { backend: VXLAN, device: "flannel.1" },
];

const FILTERS: readonly ReversePathFilter[] = [0, 1, 2];
const STRICT = 1;
const TUN = "flannel0";

/**
 * Runs rounds and prints their losses, whether or not they are within the bounds.
 * @param shift each change uses the next filter, beginning with this one: in three beds with different shifts, each
 * change runs once with each filter in a round
 */
export async function playRounds(
  title: string,
  bed: TestLab,
  rounds: number,
  shift: number,
  change: (turn: Turn) => Promise<void>,
): Promise<void> {
  const tally = new LossTally(`${title}, ${rounds} rounds`);
  const traffic = await PodTraffic.start(bed.lab);
  try {
    let from = "flannel.1";
    for (let round = 0; round < rounds; round++) {
      for (const [index, turn] of ROUND.entries()) {
        const filter = FILTERS[(round + index + shift) % FILTERS.length] ?? 0;
        await setReversePathFilter(bed.lab.nodes, filter);
        const reading = await traffic.during(async () => {
          await change(turn);
          await waitForCarrier(bed.lab, turn.device);
          expect(disagreements(await readCarriers(bed.lab))).toEqual([]);
          await traffic.untilCarried(1);
        });
        const [strictness, target] = [`rp_filter ${filter}`, `to ${JSON.stringify(turn.backend)}`];
        const what = `${strictness}, ${target}`;
        tally.add(what, reading, [strictness, target]);
        // Within the kernel the new path is in place before the old one is removed. A strict filter drops late packets
        // of the other path, and a busy machine delays the program of a userspace backend.
        const isLossless = filter !== STRICT && ![from, turn.device].includes(TUN);
        if (isLossless) expect(lostPairs(reading), what).toEqual([]);
        from = turn.device;
      }
    }
  } finally {
    tally.close(await traffic.stop());
    console.log(String(tally));
  }
  tally.expectUnbroken();
  if (isLongRun) tally.expectWithinBounds();
  if (isLongRun) tally.expectMostlyNone();
}
