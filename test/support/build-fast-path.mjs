/** Global set-up of every suite: the fast path as its sources are now. */
import { buildAssembly } from "../../backends/udp/build-assembly.mjs";

export async function setup() {
  await buildAssembly({ ifStale: true });
}
