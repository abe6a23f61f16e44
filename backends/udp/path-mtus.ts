import { type LookUpPathMtu, openPathMtuLookup } from "../../src/kernel/path-mtu.ts";
import { familyOf } from "../../src/net/index.ts";
import type { Clock } from "../../src/runtime/clock.ts";
import type { ForwardingView, Remote } from "./forwarding-table.ts";
import { OUTER_BYTES } from "./options.ts";

/** The kernel's learnt path MTUs expire after ten minutes (net.ipv4.route.mtu_expires). */
const CHECK_EVERY_MS = 60_000;
/** A lookup costs four system calls for each peer. */
const CHECKS_APART_MS = 200;

/**
 * The path MTUs to peers, as the kernel has learnt them. There are no lookups before a packet of a worker did not fit
 * its path; from then on they are periodic.
 */
export class PathMtus {
  readonly #clock: Clock;
  #dueMs = Number.POSITIVE_INFINITY;
  #lastMs = Number.NEGATIVE_INFINITY;
  #lookUp: LookUpPathMtu | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Call when a packet did not fit. @returns true when the next lookup is now due earlier */
  suspect(): boolean {
    const dueMs = Math.max(this.#clock.nowMs(), this.#lastMs + CHECKS_APART_MS);
    if (dueMs >= this.#dueMs) return false;
    this.#dueMs = dueMs;
    return true;
  }

  /** Milliseconds until the next lookup: negative when overdue, Infinity while none is needed. */
  get dueInMs(): number {
    return this.#dueMs - this.#clock.nowMs();
  }

  /** The same view with each remote's MTU limited to its path MTU. */
  async cut(view: ForwardingView): Promise<ForwardingView> {
    if (this.#dueMs === Number.POSITIVE_INFINITY) return view;
    this.#lastMs = this.#clock.nowMs();
    this.#dueMs = this.#lastMs + CHECK_EVERY_MS;
    this.#lookUp ??= await openPathMtuLookup();
    return withPathMtus(view, this.#lookUp);
  }
}

export function withPathMtus(view: ForwardingView, lookUp: LookUpPathMtu): ForwardingView {
  const cut = (remote: Remote): Remote => {
    const pathMtuBytes = lookUp(remote.ip);
    if (pathMtuBytes === null) return remote;
    const mtuBytes = Math.min(remote.mtuBytes, pathMtuBytes - OUTER_BYTES[familyOf(remote.ip)]);
    return { ...remote, mtuBytes };
  };
  const peers = view.peers.map((peer) => ({
    paths: peer.paths.map((path) => ({ ...path, remote: cut(path.remote) })),
  }));
  return { ...view, peers };
}
