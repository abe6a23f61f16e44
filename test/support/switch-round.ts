/** One round through the backends, from plain vxlan to plain vxlan, under pings and streams between every pair. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { writeSysctls } from "../../src/lab/namespaces.ts";
import type { JsonObject } from "../../src/runtime/json.ts";
import { disagreements, readCarriers, waitForCarrier } from "./carriers.ts";
import { LossTally } from "./loss-tally.ts";
import { PodTraffic } from "./pod-traffic.ts";
import type { TestLab } from "./test-lab.ts";

export const VXLAN = { Type: "vxlan" };

export interface Turn {
  readonly backend: JsonObject;
  /** What carries every pair afterwards. */
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

/** Late packets are still counted as come. */
const SETTLE_MS = 500;

/**
 * Plays rounds and prints what they cost, whether or not it is within the bounds.
 * @param filters values of rp_filter, of which each switch takes the next
 */
export async function playRounds(
  title: string,
  bed: TestLab,
  rounds: number,
  filters: readonly number[],
  change: (turn: Turn) => Promise<void>,
): Promise<void> {
  const tally = new LossTally(`${title}, ${rounds} rounds`);
  const traffic = await PodTraffic.start(bed.lab);
  try {
    for (let round = 0; round < rounds; round++) {
      for (const [index, turn] of ROUND.entries()) {
        const filter = filters[(round + index) % filters.length] ?? 0;
        await setReversePathFilter(bed, filter);
        const reading = await traffic.during(async () => {
          await change(turn);
          await waitForCarrier(bed.lab, turn.device);
          expect(disagreements(await readCarriers(bed.lab))).toEqual([]);
          await sleep(SETTLE_MS);
        });
        const [strictness, target] = [`rp_filter ${filter}`, `to ${JSON.stringify(turn.backend)}`];
        tally.add(`${strictness}, ${target}`, reading, [strictness, target]);
      }
    }
  } finally {
    tally.close(await traffic.stop());
    console.log(String(tally));
  }
  tally.expectWithinBounds();
  tally.expectMostlyNone();
}

/** On every device, also those to come: 0 is off, 1 strict, 2 loose (Documentation/networking/ip-sysctl.rst). */
async function setReversePathFilter({ lab }: TestLab, value: number): Promise<void> {
  for (const { namespace } of lab.nodes) {
    const devices = ["all", "default", "eth0", "cni0"];
    await writeSysctls(
      namespace,
      Object.fromEntries(devices.map((device) => [`net/ipv4/conf/${device}/rp_filter`, String(value)])),
    );
  }
}
