import type { Lab } from "../../src/lab/lab.ts";
import { describeMesh } from "../../src/lab/mesh.ts";
import { messageOf } from "../../src/runtime/error.ts";
import type { Check } from "./scene.ts";
import { waitUntil } from "./wait-until.ts";

/** Every pod reaches every pod, and every node every pod. @throws with who did not */
export async function pingMesh(lab: Lab): Promise<string> {
  const mesh = await lab.ping({ count: 5, intervalMs: 50 });
  if (mesh.lost > 0) throw new Error(describeMesh(mesh));
  return describeMesh(mesh);
}

/** As {@link pingMesh}, again and again until it is so. */
export async function waitForMesh(lab: Lab, signal: AbortSignal): Promise<void> {
  await waitUntil("ping every pod", signal, () => pingMesh(lab).then(() => null, messageOf));
}

export function meshIsWhole(backend: string): Check {
  return { title: `${backend}: pods and nodes reach every pod`, run: pingMesh };
}
