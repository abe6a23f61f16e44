/**
 * The switch-over of one node without a node: the test simulates kernel, store and time, and the rest runs as in the
 * agent's loop. Backends are names of channels.
 */
import type { Advertisement } from "../../src/agent/switch-over/advertisement-history.ts";
import type { SwitchOverEffect } from "../../src/agent/switch-over/effect.ts";
import type { OnChannel, SwitchOverEvent } from "../../src/agent/switch-over/event.ts";
import { reduce } from "../../src/agent/switch-over/reducer.ts";
import {
  activeBackends,
  convergingBackends,
  initialState,
  phaseOf,
  plannedBackends,
  type SwitchOver,
} from "../../src/agent/switch-over/state.ts";
import type { Lease, LeaseContent } from "../../src/lease/lease.ts";
import { parseIpv4, parseIpv4Prefix } from "../../src/net/index.ts";

export interface FakeBackend extends OnChannel {
  /** Peers read it; it does not change the channel. */
  readonly options: number;
}

export const OWN_KEY = "10.244.1.0-24";

export function fakeBackend(channel: string, options = 0): FakeBackend {
  return { channel, options };
}

export function fakeContent(backends: readonly FakeBackend[], lastByte = 1): LeaseContent {
  const [first, ...others] = backends.map(({ channel, options }) => ({
    type: channel,
    data: { v4: options, v6: null },
  }));
  if (first === undefined) throw new Error("a lease without a backend");
  return {
    publicIps: { v4: parseIpv4(`198.18.1.${lastByte}`), v6: null },
    offers: [first, ...others],
  };
}

export function fakeLease(content: LeaseContent, key = OWN_KEY): Lease {
  const subnets = { v4: parseIpv4Prefix("10.244.1.0/24"), v6: null };
  // As read back from a store: an equal value in another object.
  return { key, subnets, claimedAt: 1n, ...structuredClone(content) };
}

export class SwitchOverBed {
  state: SwitchOver<FakeBackend>;
  nowMs = 0;
  /** The last publication that the store has not acknowledged. */
  asked: Advertisement<FakeBackend> | null = null;
  /** All requested publications. */
  readonly published: Advertisement<FakeBackend>[] = [];
  /** The stored lease of the node; null before the first one. */
  stored: LeaseContent | null;
  /** The contents of the file that a restart reads. */
  retained: readonly FakeBackend[];
  /** Channels that kernel, effects or firewall cannot set up. */
  readonly broken = new Set<string>();
  isFirewallSlow = false;
  /** Channels to the peers, in order of preference; the first that is in force carries the paths. */
  peers: readonly string[] = [];
  /** Channels that do not work on this host. */
  unsuitable: ReadonlySet<string> = new Set();
  /** A reading of the leases was requested, and has not ended. */
  isReading = false;
  /** Updates of the firewall, in order with the passes over kernel state. */
  readonly steps: ("kernel" | "firewall")[] = [];
  /** The backends that the firewall accepts, by its last update. */
  admitted: readonly FakeBackend[] = [];
  /** Channels of the paths of the last plan. */
  used: ReadonlySet<string> = new Set();
  /** The last wake-up that was requested. */
  wakeAtMs: number | null = null;
  /** Called after the reduction of an event, with the state before it, before any of its effects is executed. */
  onEvent: (event: SwitchOverEvent<FakeBackend>, before: SwitchOver<FakeBackend>) => void = () => {};
  /** Called with each effect before it is executed. */
  onEffect: (effect: SwitchOverEffect<FakeBackend>) => void = () => {};
  #isPlanDue = false;
  #toRetain: readonly FakeBackend[] | null = null;
  #planned: readonly FakeBackend[] = [];
  #raised: ReadonlySet<FakeBackend> = new Set();
  #lastByte = 1;
  #effects = 0;

  /** @param earlier the file of an earlier daemon, and its lease in the store */
  constructor(
    preferred: FakeBackend,
    earlier: { readonly retained: readonly FakeBackend[]; readonly stored: LeaseContent | null } = {
      retained: [],
      stored: null,
    },
  ) {
    this.stored = earlier.stored;
    this.retained = earlier.retained;
    this.state = initialState({
      preferred,
      retained: earlier.retained,
      lastLease: earlier.stored,
      formerPeers: new Set(),
      isOffered: ({ channel }, { offers }) => offers.some(({ type }) => type === channel),
      host: this.#host(),
    });
    this.dispatch({ kind: "time passed" });
  }

  get active(): readonly string[] {
    return activeBackends(this.state).map(({ channel }) => channel);
  }

  /** Channels that this node's own paths are chosen from. */
  get inForce(): readonly string[] {
    return this.state.history.inForce?.backends.map(({ channel }) => channel) ?? [];
  }

  phase(backend: FakeBackend) {
    return phaseOf(this.state, backend) ?? "gone";
  }

  dispatch(event: SwitchOverEvent<FakeBackend>): void {
    const before = this.state;
    const { state, effects } = reduce(before, event, this.nowMs);
    this.state = state;
    this.onEvent(event, before);
    for (const effect of effects) this.#carryOut(effect);
    if (effects.some(({ kind }) => kind === "update firewall")) this.report();
  }

  accept(backend: FakeBackend): void {
    this.dispatch({ kind: "configuration accepted", backend });
  }

  /** Advances time, and wakes at each requested time in between. */
  advance(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (let steps = 0; ; steps++) {
      if (steps > 10_000) throw new Error("time does not pass");
      this.plan();
      const { wakeAtMs } = this;
      if (wakeAtMs === null || wakeAtMs > untilMs) break;
      this.nowMs = Math.max(this.nowMs, wakeAtMs);
      this.dispatch({ kind: "time passed" });
    }
    this.nowMs = untilMs;
    this.dispatch({ kind: "time passed" });
    this.plan();
  }

  /** The process is stopped for so long, as by SIGSTOP; then it handles what is due. */
  stop(ms: number): void {
    this.nowMs += ms;
    this.dispatch({ kind: "time passed" });
    this.plan();
  }

  /** Makes the plan if one is due. */
  plan(): void {
    for (let plans = 0; this.#isPlanDue; plans++) {
      if (plans > 10) throw new Error("planning has no end");
      this.#isPlanDue = false;
      const inputs = plannedBackends(this.state);
      if (inputs === null) return;
      const named = inputs.inForce.map(({ channel }) => channel);
      const used = new Set(this.peers.flatMap((each) => (named.includes(each) ? each : [])).slice(0, 1));
      this.used = used;
      this.#planned = [...new Set([...inputs.receiving, ...inputs.inForce])];
      const peers = new Set(inputs.snapshot.leases.flatMap(({ key }) => (key === OWN_KEY ? [] : key)));
      this.dispatch({ kind: "planned", backends: inputs.receiving, used, peers, replanAtMs: null });
      this.report();
    }
  }

  /** The kernel applies the last plan. */
  pass(): void {
    this.#raised = new Set(this.#planned.filter(({ channel }) => !this.broken.has(channel)));
    this.steps.push("kernel");
    this.dispatch({ kind: "kernel passed" });
    this.report();
  }

  /** Whether everything it needs is in place, as seen from outside. */
  receives(backend: FakeBackend): boolean {
    const { channel } = backend;
    const isRaised = this.#raised.has(backend) && !this.broken.has(`effect of ${channel}`);
    return (
      isRaised && !this.isFirewallSlow && this.admitted.includes(backend) && this.retained.includes(backend)
    );
  }

  report(): void {
    const settling = convergingBackends(this.state);
    const kernel = new Set(settling.filter((backend) => this.#raised.has(backend)));
    const effects = new Set(settling.filter(({ channel }) => !this.broken.has(`effect of ${channel}`)));
    this.dispatch({
      kind: "parts reported",
      parts: { kernel, effects, firewall: !this.isFirewallSlow },
    });
  }

  /** Completes the write of the file. */
  retain(): void {
    if (this.#toRetain === null) return;
    this.retained = this.#toRetain;
    this.#toRetain = null;
    this.dispatch({ kind: "backends retained", backends: this.retained });
  }

  /** The store accepts the requested publication. */
  acknowledge(): void {
    const { asked } = this;
    if (asked === null) return;
    this.asked = null;
    this.stored = structuredClone(asked.content);
    this.dispatch({ kind: "lease published", advertisement: asked, lease: fakeLease(asked.content) });
  }

  /** The store delivers its contents as a snapshot, leases of other nodes first. */
  deliver(content: LeaseContent | null = this.stored, others: readonly Lease[] = []): void {
    const leases = content === null ? others : [...others, fakeLease(content)];
    this.dispatch({ kind: "snapshot received", snapshot: { leases, junk: [] } });
  }

  lose(): void {
    this.asked = null;
    this.dispatch({ kind: "lease lost" });
  }

  moveHost({ unsuitable = this.unsuitable, lastByte = this.#lastByte }): void {
    this.unsuitable = unsuitable;
    this.#lastByte = lastByte;
    this.dispatch({ kind: "host changed", host: this.#host() });
  }

  /** Completes everything in progress, without advancing time. */
  settle(): void {
    for (let rounds = 0; rounds < 10; rounds++) {
      const before = this.#progress();
      this.plan();
      this.pass();
      this.retain();
      if (this.asked !== null) {
        this.acknowledge();
        this.deliver();
      }
      // Further rounds would repeat this one.
      if (this.#progress() === before) break;
    }
  }

  /** Completes everything in progress while time advances. */
  quiet(ms: number): void {
    for (let passedMs = 0; passedMs < ms; passedMs += 100) {
      this.settle();
      this.advance(100);
    }
    this.settle();
  }

  /** The same before and after a round that changed nothing. */
  #progress(): string {
    return [this.#effects, ...this.state.tracked.map(({ phase }) => phase)].join();
  }

  #host() {
    const { unsuitable } = this;
    const lastByte = this.#lastByte;
    return {
      supports: ({ channel }: FakeBackend) => !unsuitable.has(channel),
      contentOf: (backends: readonly FakeBackend[]) => fakeContent(backends, lastByte),
    };
  }

  #carryOut(effect: SwitchOverEffect<FakeBackend>): void {
    this.#effects++;
    this.onEffect(effect);
    switch (effect.kind) {
      case "plan":
        this.#isPlanDue = true;
        break;
      case "update firewall":
        this.steps.push("firewall");
        this.admitted = this.#planned;
        break;
      case "publish":
        this.asked = effect.advertisement;
        this.published.push(effect.advertisement);
        break;
      case "retain":
        this.#toRetain = effect.backends;
        break;
      case "read leases":
        this.isReading = true;
        break;
      case "wake":
        this.wakeAtMs = effect.atMs;
        break;
      case "report withdrawals":
        break;
      default:
        throw new Error(`no such effect: ${JSON.stringify(effect satisfies never)}`);
    }
  }
}
