import { expect } from "vitest";
import { readCarriers } from "../../src/lab/carriers.ts";
import type { Lab } from "../../src/lab/lab.ts";

export { type Carriers, disagreements, readCarriers } from "../../src/lab/carriers.ts";

/** After an outage the API server is asked again within 10 s; a node turns a second after its change is published. */
const TURN_TIMEOUT_MS = 15_000;

/** Waits until every pair goes by this device, both ways. */
export async function waitForCarrier(lab: Lab, device: string): Promise<void> {
  const devices = async () => [...new Set(Object.values(await readCarriers(lab)))];
  await expect.poll(devices, { timeout: TURN_TIMEOUT_MS, interval: 100 }).toEqual([device]);
}
