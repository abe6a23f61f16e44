import type { Kernel } from "../kernel.ts";
import type { KernelState } from "../state.ts";
import { planOperations } from "./plan.ts";

/**
 * Applies a part of the desired state once, before the complete state is known. Removes nothing except from that part's
 * own devices.
 * @throws TweedError of the first operation that failed; the others are tried too
 */
export async function applyOnce(kernel: Kernel, state: KernelState): Promise<void> {
  const ownership = { networks: [], deviceName: /(?!)/ };
  const operations = planOperations(state, await kernel.observe(), ownership);
  const failed = (await kernel.apply(operations)).find((outcome) => outcome !== null);
  if (failed !== undefined) throw failed;
}
