import { readdir, readFile } from "node:fs/promises";

/** A lease as the store holds it, by hand: not through our own reader. */
export interface Published {
  /** "10.244.7.0", "fd00:10:244:9::" or null. */
  readonly net4: string;
  readonly net6: string | null;
  readonly ip4: string;
  readonly ip6: string | null;
  readonly mac4: string | undefined;
  readonly mac6: string | undefined;
}

/** The leases in a store of files. */
export async function readPublished(store: string): Promise<readonly Published[]> {
  const directory = `${store}/subnets`;
  // What does not end so is still being written.
  const files = (await readdir(directory)).filter((name) => name.endsWith(".json"));
  return Promise.all(
    files.map(async (file) => {
      const lease = JSON.parse(await readFile(`${directory}/${file}`, "utf8"));
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
