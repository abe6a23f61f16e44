/**
 * The packet filter of a host. It stays in force when the daemon is gone, and opens when nobody renews it, as in
 * nftables/enforcement-set.ts. Writes take a while.
 */
import type { Firewall } from "../../src/agent/firewall/node-firewall.ts";
import type { FirewallStatus } from "../../src/agent/firewall/status.ts";
import { ENFORCED_SECONDS, RELEASED_SECONDS } from "../../src/kernel/firewall/nftables/enforcement-set.ts";
import type { PacketFilter } from "../../src/kernel/firewall/packet-origins.ts";
import type { RuleSet } from "../../src/kernel/firewall/rule-set.ts";
import type { SimulatedTime } from "../support/simulated-time.ts";
import type { Life } from "./life.ts";

/** As long as nft takes on a quiet host. */
const WRITE_MS = 15;

export class SimulatedFirewall {
  /** In force; null where nothing was written. */
  filter: PacketFilter | null = null;
  /** How long a write takes. */
  writeMs = WRITE_MS;
  /** Called after the rules in force have changed. */
  onWritten: () => void = () => {};
  readonly #time: SimulatedTime;
  #openAtMs = Number.POSITIVE_INFINITY;

  constructor(time: SimulatedTime) {
    this.#time = time;
  }

  get isEnforced(): boolean {
    return this.filter !== null && this.#time.nowMs < this.#openAtMs;
  }

  /** The table and its programs as one run of a daemon uses them. */
  open(life: Life): Firewall {
    let pending: RuleSet | null = null;
    let hasWritten = false;
    let writes = 0;
    const listeners = new Set<(status: FirewallStatus) => void>();
    const status = (): FirewallStatus => {
      const converged = hasWritten && pending === null;
      const lastAgreedMs = converged ? this.#time.nowMs : null;
      return { writer: "nftables", converged, faults: [], notes: [], blockers: [], writes, lastAgreedMs };
    };
    const write = life.guarded(() => {
      if (pending === null) return;
      this.filter = pending.packetFilter;
      this.#openAtMs = Number.POSITIVE_INFINITY;
      pending = null;
      hasWritten = true;
      writes += 1;
      this.onWritten();
      for (const listener of listeners) listener(status());
    });
    life.onEnd(() => this.#openIn(ENFORCED_SECONDS));
    return {
      setDesired: (rules) => {
        const isWriting = pending !== null;
        pending = rules;
        if (!isWriting) this.#time.wakeAt(this.#time.nowMs + this.writeMs, write);
      },
      run: (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason), { once: true });
        }),
      release: async () => this.#openIn(RELEASED_SECONDS),
      status,
      onPass: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    };
  }

  #openIn(seconds: number): void {
    this.#openAtMs = Math.min(this.#openAtMs, this.#time.nowMs + seconds * 1000);
  }
}
