import { setTimeout as sleep } from "node:timers/promises";
import { readCarriers } from "../../src/lab/carriers.ts";
import type { Lab } from "../../src/lab/lab.ts";
import { eventually } from "./eventually.ts";

export { type Carriers, disagreements, readCarriers } from "../../src/lab/carriers.ts";

/** Nodes switch a second after they have published: an earlier check costs much and shows nothing. */
const PROPAGATION_MS = 1000;

/** Waits until the paths of every pair use this device, both ways. */
export async function waitForCarrier(lab: Lab, device: string): Promise<void> {
  const devices = async () => [...new Set(Object.values(await readCarriers(lab)))];
  if ((await devices()).join() !== device) await sleep(PROPAGATION_MS);
  await eventually(devices).toEqual([device]);
}
