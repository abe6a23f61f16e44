/** Somebody damages a node's kernel state; the daemon restores it. */
import { ipBatch } from "../../src/lab/namespaces.ts";
import { type Entry, readTables } from "../support/network-tables.ts";
import { labNode } from "./lab-node.ts";
import { waitForMesh } from "./mesh.ts";
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
      const before = await readObjects(namespace);
      for (const { title, lines } of damages) {
        await ipBatch(namespace, lines);
        await waitUntil(`repair after ${title}`, signal, async () => {
          const now = await readObjects(namespace);
          const wrong = [...without(before, now, "missing"), ...without(now, before, "unexpected")];
          return wrong.length === 0 ? null : wrong.join("; ");
        });
      }
      // The threads of a data plane take up a device a moment after it is there.
      await waitForMesh(lab, signal);
      return damages.map(({ title }) => title).join(", ");
    },
  };
}

/** Everything that iproute2 shows, a line to an object. */
async function readObjects(namespace: string): Promise<string[]> {
  const tables = Object.entries(await readTables(namespace));
  return tables.flatMap(([table, entries]) =>
    (entries as readonly Entry[])
      // A TUN device made anew has another random link-local address.
      .filter((entry) => entry["stable-privacy"] !== true)
      .map((entry) => `${table} ${JSON.stringify(entry)}`),
  );
}

function without(some: readonly string[], others: readonly string[], word: string): string[] {
  return some.filter((each) => !others.includes(each)).map((each) => `${word}: ${each}`);
}
