/** Objects of a namespace as iproute2 shows them: independent of our code, with every attribute that it knows. */
import { run } from "../../src/runtime/program.ts";

export type Entry = Readonly<Record<string, unknown>>;

/** Sorted lists, without the indexes and counters that the kernel assigns. */
export interface NetworkTables {
  readonly links: readonly Entry[];
  /** One for each address, with its device's name as `ifname`. */
  readonly addresses: readonly Entry[];
  /** Main table, both families. */
  readonly routes: readonly Entry[];
  /** Permanent ones. */
  readonly neighbours: readonly Entry[];
  /**
   * Permanent ones, except for the multicast addresses that the kernel joins as IPv6 comes up (RFC 4291 section 2.8).
   */
  readonly fdb: readonly Entry[];
}

const MULTICAST = /^(33:33|01:00:5e):/;

/** The commands of one batch of `ip`, in this order. */
const SHOWN = ["link show", "address show", "route show", "neighbour show nud permanent"] as const;

export async function readTables(namespace: string): Promise<NetworkTables> {
  const [shown, routes6, fdb] = await Promise.all([
    readJson("ip", namespace, ["-d", "-batch", "-"], SHOWN),
    readJson("ip", namespace, ["-6", "-d", "route"]),
    readJson("bridge", namespace, ["fdb", "show"]),
  ]);
  const [links = [], hosts = [], routes4 = [], neighbours = []] = shown;
  const addresses = hosts.flatMap(({ ifname, addr_info }) =>
    (addr_info as readonly Entry[]).map((address) => ({ ifname, ...address })),
  );
  return {
    links: sorted(links),
    addresses: sorted(addresses),
    routes: sorted([...routes4, ...routes6.flat()]),
    neighbours: sorted(neighbours),
    fdb: sorted(fdb.flat().filter(({ state, mac }) => state === "permanent" && !MULTICAST.test(String(mac)))),
  };
}

/** The entries for which the predicate holds; it gets the device's name and the entry. */
export function selectTables(
  tables: NetworkTables,
  isWanted: (device: string, entry: Entry) => boolean,
): NetworkTables {
  const select = (entries: readonly Entry[]) =>
    entries.filter((entry) => isWanted(String(entry.ifname ?? entry.dev ?? ""), entry));
  return {
    links: select(tables.links),
    addresses: select(tables.addresses),
    routes: select(tables.routes),
    neighbours: select(tables.neighbours),
    fdb: select(tables.fdb),
  };
}

function sorted(entries: readonly Entry[]): Entry[] {
  const texts = new Map(entries.map((entry) => [entry, JSON.stringify(entry)]));
  return entries.toSorted((a, b) => ((texts.get(a) ?? "") < (texts.get(b) ?? "") ? -1 : 1));
}

/** A list for each line of output, which is one for each command of a batch. */
async function readJson(
  program: "ip" | "bridge",
  namespace: string,
  args: readonly string[],
  batch: readonly string[] = [],
): Promise<readonly (readonly Entry[])[]> {
  const text = await run(program, ["-n", namespace, "-j", ...args], { input: batch.join("\n") });
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.map((line) => JSON.parse(line, dropChanging) as readonly Entry[]);
}

/**
 * Fields that change by themselves: a device that is made again gets a new index, a bridge's timers run, and for about
 * a second after a cable is connected the kernel checks addresses (tentative) and the carrier (operstate).
 */
const CHANGING = /^(ifindex|tentative|operstate|.*_timer)$/;

function dropChanging(key: string, value: unknown): unknown {
  return CHANGING.test(key) ? undefined : value;
}
