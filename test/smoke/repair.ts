/** Somebody damages a node's kernel state; the daemon restores it. */
import { ipBatch } from "../../src/lab/namespaces.ts";
import { readTables } from "../support/network-tables.ts";
import { labNode } from "./lab-node.ts";
import { pingMesh } from "./mesh.ts";
import type { Check } from "./scene.ts";
import { waitUntil } from "./wait-until.ts";

export interface Damage {
  readonly title: string;
  /** For `ip -batch`. */
  readonly lines: readonly string[];
}

export function isRepaired(backend: string, damages: readonly Damage[]): Check {
  return {
    title: `${backend}: damage is repaired`,
    run: async (lab, signal) => {
      const { namespace } = labNode(lab, 2);
      const before = JSON.stringify(await readTables(namespace));
      for (const { title, lines } of damages) {
        await ipBatch(namespace, lines);
        await waitUntil(`repair after ${title}`, signal, async () => {
          const now = JSON.stringify(await readTables(namespace));
          return now === before ? null : `expected ${before}, found ${now}`;
        });
      }
      await pingMesh(lab);
      return damages.map(({ title }) => title).join(", ");
    },
  };
}
