/** What iproute2 shows of a namespace: an eye other than ours, and every attribute it knows. */
import { run } from "../../src/runtime/program.ts";

export type Entry = Readonly<Record<string, unknown>>;

/** Each list in an order of its own, without what the kernel numbers or counts afresh. */
export interface NetworkTables {
  readonly links: readonly Entry[];
  /** One for each address, with its device's name as `ifname`. */
  readonly addresses: readonly Entry[];
  /** Main table, both families. */
  readonly routes: readonly Entry[];
  /** Permanent ones. */
  readonly neighbours: readonly Entry[];
  /** Permanent ones, but for the multicast addresses that the kernel joins as IPv6 comes up (RFC 4291 section 2.8). */
  readonly fdb: readonly Entry[];
}

const MULTICAST = /^(33:33|01:00:5e):/;

/** What one program of iproute2 shows in one start, in this order. */
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

/** What of the tables the predicate holds for; it is given the device's name and the entry. */
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

/** A list for each line that the program prints, which is one for each command of a batch. */
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
 * What changes by itself: indexes are given anew to a device that is made again, a bridge's timers run, and for a
 * second or so after a cable is put in the kernel checks addresses (tentative) and the carrier (operstate).
 */
const CHANGING = /^(ifindex|tentative|operstate|.*_timer)$/;

function dropChanging(key: string, value: unknown): unknown {
  return CHANGING.test(key) ? undefined : value;
}
