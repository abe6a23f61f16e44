/** Mass withdrawals without a node: the test is the watch, the reading and the time. Peers are numbers. */
import {
  beginReading,
  conclude,
  confirm,
  effectiveSnapshot,
  failReading,
  NO_WITHDRAWALS,
  nextDueMs,
  receive,
  type Withdrawals,
} from "../../src/agent/switch-over/mass-withdrawal.ts";
import type { Lease } from "../../src/lease/lease.ts";
import { content, lease } from "./lease-fixtures.ts";

export function peerLease(number: number, ip = number): Lease {
  return lease(`10.5.${number}.0-24`, number + 1, content(`192.0.2.${ip}`));
}

export class WithdrawalBed {
  state: Withdrawals;
  nowMs = 0;
  /** Readings that have begun and not ended. */
  readings = 0;

  /** @param former the peers that an earlier daemon has programmed */
  constructor(former: readonly number[] = []) {
    this.state = { ...NO_WITHDRAWALS, former: new Set(former.map((number) => peerLease(number).key)) };
  }

  /** Whether the watch has delivered something, and a plan was made of it. */
  get isPlanned(): boolean {
    return effectiveSnapshot(this.state) !== null;
  }

  /** The peers that the kernel has. */
  get peers(): readonly number[] {
    const keys = effectiveSnapshot(this.state)?.leases.map(({ key }) => key) ?? [...this.state.former];
    return keys.map((key) => Number(key.split(".")[2])).sort((one, other) => one - other);
  }

  get heldBack(): number {
    return this.state.missing?.size ?? 0;
  }

  /** The watch delivers these; the plan that follows is made at once. */
  watch(peers: Iterable<number | Lease>): void {
    const leases = Array.from(peers, (each) => (typeof each === "number" ? peerLease(each) : each));
    const before = effectiveSnapshot(this.state);
    this.#advance(receive(this.state, before, { leases, junk: [] }, this.nowMs));
  }

  /** The reading in progress ends with these. */
  read(peers: Iterable<number>): void {
    this.readings -= 1;
    this.#advance(
      confirm(
        this.state,
        Array.from(peers, (each) => peerLease(each)),
        this.nowMs,
      ),
    );
  }

  failReading(reason = "nobody answers"): void {
    this.readings -= 1;
    this.#advance(failReading(this.state, reason, this.nowMs));
  }

  /** Time passes, and wakes the node whenever it asked for that. */
  pass(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (;;) {
      const atMs = nextDueMs(this.state);
      if (atMs > untilMs) break;
      this.nowMs = Math.max(this.nowMs, atMs);
      this.#advance(this.state);
    }
    this.nowMs = untilMs;
    this.#advance(this.state);
  }

  #advance(state: Withdrawals): void {
    const concluded = conclude(state, this.nowMs);
    this.state = beginReading(concluded, this.nowMs);
    if (this.state !== concluded) this.readings += 1;
    const planned = effectiveSnapshot(this.state);
    if (planned === null) return;
    this.state = {
      ...this.state,
      former: new Set(),
      programmed: new Set(planned.leases.map(({ key }) => key)),
    };
  }
}
