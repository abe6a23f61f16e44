import type { Kernel } from "../kernel.ts";
import type { KernelState } from "../state.ts";
import { planOperations } from "./plan.ts";

/**
 * Makes once what the kernel lacks of a state, before the whole desired state is known: nothing is removed except from
 * the state's own devices.
 * @throws TweedError of the first operation that failed; the others were tried
 */
export async function applyOnce(kernel: Kernel, state: KernelState): Promise<void> {
  const ownership = { networks: [], deviceName: /(?!)/ };
  const operations = planOperations(state, await kernel.observe(), ownership);
  const failed = (await kernel.apply(operations)).find((outcome) => outcome !== null);
  if (failed !== undefined) throw failed;
}
