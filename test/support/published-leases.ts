/** Leases in a store of files, read and written without our own store code. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { replaceFile } from "../../src/runtime/atomic-file.ts";
import type { JsonObject } from "../../src/runtime/json.ts";
import { nodeFiles } from "../../src/runtime/node-files.ts";

export interface Published {
  /** "10.244.7.0", "fd00:10:244:9::" or null. */
  readonly net4: string;
  readonly net6: string | null;
  readonly ip4: string;
  readonly ip6: string | null;
  readonly mac4: string | undefined;
  readonly mac6: string | undefined;
}

/** @param key as "10.244.7.0-24" */
export function leaseFile(store: string, key: string): string {
  return join(store, "subnets", `${key}.json`);
}

export async function publish(store: string, key: string, lease: JsonObject): Promise<void> {
  await replaceFile(nodeFiles, leaseFile(store, key), JSON.stringify(lease), { mode: 0o644 });
}

export async function readPublished(store: string): Promise<readonly Published[]> {
  const directory = join(store, "subnets");
  // Other names are files still being written.
  const files = (await readdir(directory)).filter((name) => name.endsWith(".json"));
  return Promise.all(
    files.map(async (file) => {
      const lease = JSON.parse(await readFile(join(directory, file), "utf8"));
      const [, net4 = "", , net6 = null] = /^([\d.]+)-24(&(.+)-64)?\.json$/.exec(file) ?? [];
      return {
        net4,
        net6,
        ip4: lease.PublicIP,
        ip6: lease.PublicIPv6,
        mac4: lease.BackendData?.VtepMAC,
        mac6: lease.BackendV6Data?.VtepMAC,
      };
    }),
  );
}
