/**
 * Publishes the forwarding table to all lanes at once, while they run: it fills the inactive table, then switches to
 * it. A lane uses one table for a whole batch.
 */
import {
  type DualIp,
  type DualPrefix,
  FAMILIES,
  type Family,
  type Ip,
  ipToBytes,
  ipv4Bits,
  isIpv4,
  type Prefix,
  prefixAddress,
  prefixFamily,
  prefixLength,
} from "../../src/net/index.ts";
import type { Clock } from "../../src/runtime/clock.ts";
import { TweedError } from "../../src/runtime/error.ts";
import type { Random } from "../../src/runtime/random.ts";
import { ADDRESS_ARGUMENT_AT, HOSTS_MAX } from "./assembly/layout.ts";
import { type FastPathExports, hashSlots, instantiate, type SharedFastPath } from "./fast-path.ts";

/** What lanes need of this node and its peers. */
export interface ForwardingView {
  /** This node's subnets: valid sources of packets from the TUN, and valid destinations of packets into it. */
  readonly subnets: DualPrefix;
  /** The TUN's addresses, the sources of ICMP errors. A family without one sends none. */
  readonly tun: DualIp;
  /** Further addresses of this host that may be sources and destinations in the TUN; at most HOSTS_MAX. */
  readonly hosts: readonly Ip[];
  readonly peers: readonly TunnelPeer[];
}

export interface TunnelPeer {
  readonly paths: readonly TunnelPath[];
}

/**
 * Inner packets for `subnet` go to `remote`. Inner packets from `subnet` are accepted only from `remote` and its
 * `source`.
 */
export interface TunnelPath {
  readonly subnet: Prefix;
  readonly remote: Remote;
}

export interface Remote {
  readonly ip: Ip;
  readonly port: number;
  /** The largest inner packet for this path: path MTU less outer IP and UDP headers. */
  readonly mtuBytes: number;
  /** A second source address, as of a host behind NAT; other remotes may have it as well. */
  readonly source?: Ip;
}

/** When this many seeds fail, the table is too full; it is no coincidence. */
const SEEDS_MAX = 8;
/** A lane pins the old table for one batch, a fraction of this. */
const PINNED_RETRY_MS = 1;

export class ForwardingTable {
  readonly #shared: SharedFastPath;
  readonly #exports: FastPathExports;
  readonly #random: Random;
  readonly #argument: Uint8Array;
  readonly #argumentView: DataView;

  /** Create only one for each shared fast path: it must be the only writer of tables. */
  constructor(shared: SharedFastPath, random: Random) {
    this.#shared = shared;
    this.#exports = instantiate(shared);
    this.#random = random;
    this.#argument = new Uint8Array(shared.memory.buffer, ADDRESS_ARGUMENT_AT, 16);
    this.#argumentView = new DataView(shared.memory.buffer, ADDRESS_ARGUMENT_AT, 16);
  }

  /**
   * Puts `view` in force: batches that begin after the promise resolves use it.
   * @throws TweedError `fast-path-full` if it has more peers or addresses than the memory has room for
   */
  async publish(view: ForwardingView, clock: Clock, signal?: AbortSignal): Promise<void> {
    while (!this.tryPublish(view)) await clock.sleep(PINNED_RETRY_MS, signal);
  }

  /** Like {@link publish}, but returns false, without waiting, while a lane still reads the inactive table. */
  tryPublish(view: ForwardingView): boolean {
    const plan = planTable(view);
    const { routesMax, remotesMax } = this.#shared.table;
    if (plan.routes.size > routesMax || plan.remotes.length > remotesMax || view.hosts.length > HOSTS_MAX) {
      throw new TweedError({
        code: "fast-path-full",
        operation: "publish forwarding table",
        reason:
          `${plan.routes.size} routes, ${plan.remotes.length} remotes and ${view.hosts.length} host addresses; ` +
          `there is room for ${routesMax}, ${remotesMax} and ${HOSTS_MAX}`,
      });
    }
    for (let attempt = 0; attempt < SEEDS_MAX; attempt++) {
      const outcome = this.#fill(view, plan);
      if (outcome === "collision") continue;
      if (outcome === "filled") this.#exports.commitDraft();
      return outcome === "filled";
    }
    throw new TweedError({
      code: "fast-path-collisions",
      operation: "publish forwarding table",
      reason: `${SEEDS_MAX} hash seeds failed for ${plan.routes.size} routes`,
      retryable: true,
    });
  }

  #fill(view: ForwardingView, plan: TablePlan): "filled" | "pinned" | "collision" {
    const bytes = this.#random.bytes(8);
    const seed = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0);
    const slots = [hashSlots(plan.routes.size), hashSlots(plan.senders)] as const;
    if (!this.#exports.beginDraft(this.#shared.table.bytes, seed, ...slots)) return "pinned";
    for (const family of FAMILIES) this.#writeOwn(view, family);
    for (const host of view.hosts) {
      this.#setAddress(host);
      this.#exports.draftHost();
    }
    for (const { family, length } of plan.lengths) {
      this.#argument.set(maskOf(length));
      this.#exports.draftLength(family === "v4" ? 4 : 6, length);
    }
    const records: number[] = [];
    for (const { ip, port, mtuBytes } of plan.remotes) {
      this.#setAddress(ip);
      const record = this.#exports.draftRemote(isIpv4(ip) ? 4 : 6, swap16(port), mtuBytes);
      if (record === 0) return "collision";
      records.push(record);
    }
    for (const [place, { source }] of plan.remotes.entries()) {
      if (source === undefined) continue;
      this.#setAddress(source);
      if (!this.#exports.draftSource(records[place] ?? 0)) return "collision";
    }
    for (const [subnet, remote] of plan.routes) {
      this.#setAddress(prefixAddress(subnet));
      if (!this.#exports.draftRoute(mappedLength(subnet), records[remote] ?? 0)) return "collision";
    }
    return "filled";
  }

  #writeOwn(view: ForwardingView, family: Family): void {
    const number = family === "v4" ? 4 : 6;
    const subnet = view.subnets[family];
    const tun = view.tun[family];
    if (subnet !== null) {
      this.#setAddress(prefixAddress(subnet));
      this.#exports.draftOwnNetwork(number);
      this.#argument.set(maskOf(mappedLength(subnet)));
      this.#exports.draftOwnMask(number);
    }
    if (tun !== null) {
      this.#setAddress(tun);
      this.#exports.draftTun(number);
    }
  }

  /** 16 bytes: IPv4 as ::ffff:a.b.c.d. */
  #setAddress(ip: Ip): void {
    if (isIpv4(ip)) {
      this.#argument.fill(0, 0, 10).fill(0xff, 10, 12);
      this.#argumentView.setUint32(12, ipv4Bits(ip));
    } else {
      this.#argument.set(ipToBytes(ip));
    }
  }
}

interface TablePlan {
  readonly remotes: readonly Remote[];
  /** Upper bound of the source addresses of all remotes. */
  readonly senders: number;
  /** Index in `remotes` by prefix. Of two equal prefixes the first wins. */
  readonly routes: ReadonlyMap<Prefix, number>;
  /** Prefix lengths in use: IPv4 first, each family longest first. */
  readonly lengths: readonly { readonly family: Family; readonly length: number }[];
}

/**
 * An inner source is accepted only from the socket address of its subnet's path and from that remote's second source,
 * not from other addresses of the same peer: a peer's data of one family grants nothing in the other.
 */
function planTable(view: ForwardingView): TablePlan {
  const remotes: Remote[] = [];
  const places = new Map<string, number>();
  const routes = new Map<Prefix, number>();
  const lengths = new Map<string, { family: Family; length: number }>();
  for (const { subnet, remote } of view.peers.flatMap((peer) => peer.paths)) {
    const key = remoteKey(remote);
    const place = places.get(key) ?? remotes.push(remote) - 1;
    places.set(key, place);
    if (routes.has(subnet)) continue;
    routes.set(subnet, place);
    const family = prefixFamily(subnet);
    const length = mappedLength(subnet);
    lengths.set(`${family} ${length}`, { family, length });
  }
  const sorted = [...lengths.values()].sort(
    (a, b) => a.family.localeCompare(b.family) || b.length - a.length,
  );
  const senders = remotes.reduce((sum, { source }) => sum + (source === undefined ? 1 : 2), 0);
  return { remotes, senders, routes, lengths: sorted };
}

function remoteKey(remote: Remote): string {
  return `${remote.ip} ${remote.port}`;
}

/** Prefix length out of 128 bits, for both families. */
function mappedLength(prefix: Prefix): number {
  return prefixLength(prefix) + (prefixFamily(prefix) === "v4" ? 96 : 0);
}

function maskOf(length: number): Uint8Array {
  return Uint8Array.from({ length: 16 }, (_, index) => {
    const bits = Math.min(8, Math.max(0, length - index * 8));
    return (0xff00 >> bits) & 0xff;
  });
}

function swap16(value: number): number {
  return ((value & 0xff) << 8) | (value >>> 8);
}
