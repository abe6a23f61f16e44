/**
 * Limits the connections to the health listener, which the whole network can reach. A new connection is always
 * accepted; at a limit it replaces the oldest of its source, or of the source that has most. So a flood only loses
 * connections of its own, and probes are answered.
 */
export interface HeldConnection {
  /** The source for which it counts, see {@link sourceOf}. */
  readonly source: string;
  /** From this host, as the kubelet's probes are. */
  readonly isLocal: boolean;
  drop(): void;
}

/** Limit for one source. A scraper has one or two. */
export const MAX_PER_SOURCE = 8;
/** Limit for all other hosts and pods together. */
export const MAX_REMOTE = 64;
/** Limit for this host itself; other hosts cannot exhaust it. */
export const MAX_LOCAL = 32;

export class ConnectionSlots {
  /** In order of arrival. */
  readonly #held = new Set<HeldConnection>();

  get size(): number {
    return this.#held.size;
  }

  admit(connection: HeldConnection): void {
    this.#held.add(connection);
    const alike = [...this.#held].filter(({ isLocal }) => isLocal === connection.isLocal);
    const ofSource = alike.filter(({ source }) => source === connection.source);
    if (connection.isLocal) {
      if (alike.length > MAX_LOCAL) this.#drop(alike);
    } else if (ofSource.length > MAX_PER_SOURCE) this.#drop(ofSource);
    else if (alike.length > MAX_REMOTE) this.#drop(largestSource(alike));
  }

  release(connection: HeldConnection): void {
    this.#held.delete(connection);
  }

  #drop([oldest]: readonly HeldConnection[]): void {
    if (oldest === undefined) return;
    this.#held.delete(oldest);
    oldest.drop();
  }
}

/** The connections of the source that has most, the oldest first. */
function largestSource(connections: readonly HeldConnection[]): readonly HeldConnection[] {
  const bySource = new Map<string, HeldConnection[]>();
  for (const each of connections) {
    const known = bySource.get(each.source);
    if (known === undefined) bySource.set(each.source, [each]);
    else known.push(each);
  }
  return [...bySource.values()].reduce((most, each) => (each.length > most.length ? each : most));
}

const MAPPED = /^::ffff:(?=\d+\.)/i;

/**
 * An IPv4 address counts for itself, an IPv6 address for its /64, since one host may have all addresses of it.
 * @param remote as Node's sockets report it; undefined for a connection that is already closed
 */
export function sourceOf(remote: string | undefined): string {
  const ip = (remote ?? "").replace(MAPPED, "").replace(/%.*$/, "");
  if (!ip.includes(":")) return ip;
  const [head = "", tail] = ip.split("::");
  const groups = head === "" ? [] : head.split(":");
  const behind = tail === undefined || tail === "" ? 0 : tail.split(":").length;
  const zeros = tail === undefined ? 0 : 8 - groups.length - behind;
  const all = [...groups, ...new Array<string>(Math.max(0, zeros)).fill("0"), ...(tail?.split(":") ?? [])];
  return `${all.slice(0, 4).join(":")}::/64`;
}

/** From loopback, or from the connection's own local address, which is this host's. */
export function isFromHere(remote: string | undefined, local: string | undefined): boolean {
  const [from, to] = [remote, local].map((ip) => (ip ?? "").replace(MAPPED, ""));
  return from !== "" && (from === to || from === "::1" || from?.startsWith("127.") === true);
}
