/**
 * A random history of daemons' stores on a simulated API server, and what must hold: each snapshot equals the server's
 * contents soon after the faults have ended, each daemon's own lease is what its Node says, a daemon writes to its own
 * Node only, and it sends few requests during an outage.
 */
import { isDeepStrictEqual } from "node:util";
import { leaseOf } from "../../../src/lease/kubernetes/node-lease.ts";
import { excerptNode, readExcerpt } from "../../../src/lease/kubernetes/node-record.ts";
import type { HttpRequest } from "../../../src/lease/kubernetes/transport.ts";
import type { Lease, LeaseContent } from "../../../src/lease/lease.ts";
import { type Ipv4, parseIpv4 } from "../../../src/net/index.ts";
import type { Random } from "../../../src/runtime/random.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { NodeClock, SimulatedTime } from "../../support/simulated-time.ts";
import { ANNOTATION_DOMAIN, SimulatedKubeStore } from "./simulated-kube-store.ts";
import { StoreDaemon } from "./store-daemon.ts";

export interface HistoryResult {
  /** What did not hold; null when all did. */
  readonly fault: string | null;
  readonly trace: readonly string[];
  readonly simulatedMs: number;
  readonly requests: number;
}

export interface HistoryOptions {
  readonly seed: number;
  readonly rounds?: number;
  readonly stepsPerRound?: number;
}

/** A daemon retries once in 10 s; the rest is for the network, and for the requests that then follow. */
const AFTER_OUTAGE_MS = 10_000 + 3_000;
/** Requests that a daemon may have in flight when an outage begins. */
const IN_FLIGHT = 6;
const RETRY_INTERVAL_MS = 10_000;
/** Log lines of one daemon for each act, and for each minute. */
const LINES_PER_ACT = 8;
const LINES_PER_MINUTE = 12;

class BrokenInvariant extends Error {}

export async function runHistory(options: HistoryOptions): Promise<HistoryResult> {
  const history = new KubeHistory(options);
  try {
    await history.run();
    return history.result(null);
  } catch (error) {
    if (!(error instanceof BrokenInvariant)) throw error;
    return history.result(error.message);
  } finally {
    history.end();
  }
}

class KubeHistory {
  readonly #options: Required<HistoryOptions>;
  readonly #random: Random;
  readonly #time = new SimulatedTime();
  readonly #clock = new NodeClock(this.#time);
  readonly #store: SimulatedKubeStore;
  readonly #daemons = new Map<string, StoreDaemon>();
  readonly #names: readonly string[];
  readonly #trace: string[] = [];
  readonly #unreachable = new Map<string, { readonly sinceMs: number; requests: number }>();
  #requests = 0;
  #acts = 0;
  /** How long after the end of all faults everything must have converged. */
  #boundMs = AFTER_OUTAGE_MS;
  #violation: string | null = null;

  constructor({ seed, rounds = 3, stepsPerRound = 12 }: HistoryOptions) {
    this.#options = { seed, rounds, stepsPerRound };
    this.#random = seededRandom(seed);
    this.#store = new SimulatedKubeStore({ time: this.#time, random: seededRandom(seed ^ 0x5eed) });
    const count = 3 + this.#random.below(5);
    this.#names = Array.from({ length: count }, (_, index) => `node${index + 1}`);
    this.#store.server.onRequest = (host, request) => this.#observe(host, request);
  }

  result(fault: string | null): HistoryResult {
    return { fault, trace: this.#trace, simulatedMs: this.#time.nowMs, requests: this.#requests };
  }

  end(): void {
    for (const daemon of this.#daemons.values()) daemon.kill();
  }

  async run(): Promise<void> {
    this.#store.configure('{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}}');
    for (const name of this.#names) await this.#start(name);
    for (let round = 0; round < this.#options.rounds; round++) {
      this.#boundMs = AFTER_OUTAGE_MS + (round === 0 ? 8_000 : 0);
      for (let step = 0; step < this.#options.stepsPerRound; step++) {
        await this.#act();
        await this.#sleep(this.#gapMs());
        this.#check();
      }
      await this.#settle();
    }
    for (const daemon of this.#daemons.values()) await daemon.stop();
    this.#daemons.clear();
  }

  async #act(): Promise<void> {
    const [, act] = this.#pick(ACTS);
    this.#acts += 1;
    const said = await act(this.#scene());
    if (said !== null) this.#note(said);
  }

  #scene(): Scene {
    return {
      store: this.#store,
      random: this.#random,
      name: this.#pick(this.#names),
      daemons: this.#daemons,
      start: (name) => this.#start(name),
      stop: (name, isKilled) => this.#stop(name, isKilled),
      allow: (ms) => {
        this.#boundMs = Math.max(this.#boundMs, ms + AFTER_OUTAGE_MS);
      },
      publish: (name) => this.#daemons.get(name)?.publish(contentOf(this.#names.indexOf(name), this.#random)),
      cutOff: (name) => this.#beginOutage(name),
      heal: () => this.#heal(),
    };
  }

  async #start(name: string): Promise<void> {
    if (this.#daemons.has(name)) return;
    const index = this.#names.indexOf(name);
    const seed = this.#random.below(2 ** 32);
    const daemon = new StoreDaemon(name, contentOf(index, this.#random), this.#time, seed);
    this.#daemons.set(name, daemon);
    this.#unreachable.delete(name);
    await daemon.start(this.#store, ipOf(index));
  }

  async #stop(name: string, isKilled: boolean): Promise<void> {
    const daemon = this.#daemons.get(name);
    if (daemon === undefined) return;
    this.#daemons.delete(name);
    this.#unreachable.delete(name);
    if (isKilled) daemon.kill();
    else await daemon.stop();
  }

  #heal(): void {
    this.#store.heal();
    this.#unreachable.clear();
  }

  #beginOutage(name: string): void {
    if (!this.#unreachable.has(name)) this.#unreachable.set(name, { sinceMs: this.#time.nowMs, requests: 0 });
  }

  /** Ends all faults, and waits until everything must be as the server says. */
  async #settle(): Promise<void> {
    for (const name of this.#names) await this.#start(name);
    this.#heal();
    this.#note(`heal, ${this.#boundMs} ms`);
    await this.#sleep(this.#boundMs);
    this.#check();
    const contents = this.#store.leases();
    for (const daemon of this.#daemons.values()) this.#checkConverged(daemon, contents);
  }

  #checkConverged(daemon: StoreDaemon, contents: readonly Lease[]): void {
    const { name, snapshot, held, content } = daemon;
    const seen = snapshot?.leases ?? [];
    const [extra, missing] = [without(seen, contents), without(contents, seen)];
    if (extra.length > 0 || missing.length > 0)
      this.#refuse(`the snapshot of ${name} has ${shown(extra)}, and lacks ${shown(missing)}`);
    const text = this.#store.server.standIn.nodes.text(name);
    if (text === null) throw new BrokenInvariant(`there is no Node ${name}`);
    const own = leaseOf(readExcerpt(excerptNode(Buffer.from(text), `${ANNOTATION_DOMAIN}/`)));
    if (held === null || !isDeepStrictEqual(held.subnets, own.subnets))
      this.#refuse(
        `${name} holds ${held === null ? "nothing" : shown([held])}, its Node says ${shown([own])}`,
      );
    if (
      !isDeepStrictEqual(own.offers, content.offers) ||
      !isDeepStrictEqual(own.publicIps, content.publicIps)
    )
      this.#refuse(
        `the Node ${name} has ${JSON.stringify(own.offers)}, published is ${JSON.stringify(content.offers)}`,
      );
  }

  #check(): void {
    if (this.#violation !== null) this.#refuse(this.#violation);
    const minutes = this.#time.nowMs / 60_000;
    for (const { name, failure, log } of this.#daemons.values()) {
      if (failure !== null) this.#refuse(`${name} ended: ${String(failure)}`);
      const most = 20 + this.#acts * LINES_PER_ACT + minutes * LINES_PER_MINUTE;
      if (log.lines.length > most) this.#refuse(`${name} wrote ${log.lines.length} log lines`);
    }
    for (const [name, { sinceMs, requests }] of this.#unreachable) {
      const most = IN_FLIGHT + 1 + (this.#time.nowMs - sinceMs) / RETRY_INTERVAL_MS;
      if (requests > most)
        this.#refuse(`${name} sent ${requests} requests in ${this.#time.nowMs - sinceMs} ms of an outage`);
    }
  }

  #observe(host: string, { method, path }: HttpRequest): void {
    this.#requests += 1;
    this.#note(`${host} ${method} ${path}`);
    const outage = this.#unreachable.get(host);
    if (outage !== undefined) outage.requests += 1;
    const isOwn = path === `/api/v1/nodes/${host}/status` || path === "/api/v1/namespaces/default/events";
    if (method !== "GET" && !isOwn) this.#violation ??= `${host} sent ${method} ${path}`;
  }

  #note(text: string): void {
    this.#trace.push(`${this.#time.nowMs.toFixed(3)} ${text}`);
  }

  #refuse(reason: string): never {
    throw new BrokenInvariant(reason);
  }

  #sleep(ms: number): Promise<void> {
    return this.#clock.sleep(ms);
  }

  /** From a millisecond to about a minute. */
  #gapMs(): number {
    return 2 ** this.#random.below(17);
  }

  #pick<T>(items: readonly T[]): T {
    const item = items[this.#random.below(items.length)];
    if (item === undefined) throw new RangeError("nothing to choose from");
    return item;
  }
}

interface Scene {
  readonly store: SimulatedKubeStore;
  readonly random: Random;
  /** A host. */
  readonly name: string;
  readonly daemons: ReadonlyMap<string, StoreDaemon>;
  start(name: string): Promise<void>;
  stop(name: string, isKilled: boolean): Promise<void>;
  publish(name: string): void;
  /** Convergence may take this longer. */
  allow(ms: number): void;
  /** The host reaches the server no more until the faults end. */
  cutOff(name: string): void;
  /** Ends all faults. */
  heal(): void;
}

/** @returns what was done, or null for nothing */
type Act = (scene: Scene) => Promise<string | null> | string | null;

/** A silent watch is noticed after 90 s, and a new list follows within 3 s. */
const SILENCE_MS = 95_000;
/** The longest back-off of corrections, and of refusals that persist. */
const BACK_OFF_MS = 62_000;

const ACTS: readonly (readonly [string, Act])[] = [
  [
    "server down",
    ({ store, daemons, cutOff }) => {
      if (store.server.isAway) return null;
      store.setAway(true);
      for (const name of daemons.keys()) cutOff(name);
      return "server down";
    },
  ],
  [
    "hang",
    ({ store }) => {
      store.hang(true);
      return "server hangs";
    },
  ],
  [
    "resume",
    ({ store }) => {
      store.hang(false);
      return "server hangs no more";
    },
  ],
  [
    "partition",
    ({ store, name, cutOff }) => {
      store.partition(name, true);
      cutOff(name);
      return `partition of ${name}`;
    },
  ],
  [
    "delay",
    ({ store, name, random }) => {
      const ms = random.below(5_000);
      store.delayWatch(name, ms);
      return `watch of ${name} lags by ${ms} ms`;
    },
  ],
  [
    "silence",
    ({ store, name, allow }) => {
      store.silenceWatch(name, true);
      allow(SILENCE_MS);
      return `watch of ${name} is silent`;
    },
  ],
  [
    "break",
    ({ store }) => {
      store.breakWatches();
      return "watches break";
    },
  ],
  [
    "compact",
    ({ store, allow }) => {
      store.compact();
      allow(5_000);
      return "compaction";
    },
  ],
  [
    "backup",
    ({ store }) => {
      store.backup();
      return "backup";
    },
  ],
  [
    "restore",
    ({ store, allow }) => {
      store.restore();
      allow(SILENCE_MS + BACK_OFF_MS);
      return "restore";
    },
  ],
  [
    "rotate",
    ({ store, allow }) => {
      store.rotateCredentials();
      allow(5_000);
      return "tokens rotated";
    },
  ],
  [
    "forbid",
    ({ store, name, random, allow }) => {
      const permission =
        ["patch nodes/status", "watch nodes", "list nodes", "get nodes"][random.below(4)] ?? "";
      store.forbid(name, permission);
      allow(BACK_OFF_MS);
      return `${name} may not ${permission}`;
    },
  ],
  [
    "conflict",
    ({ store, name, random, allow }) => {
      store.server.conflict(name, 1 + random.below(4));
      allow(BACK_OFF_MS);
      return `patches of ${name} conflict`;
    },
  ],
  [
    "flaws",
    ({ store, random, allow }) => {
      store.server.flawPercent = random.below(60);
      allow(BACK_OFF_MS);
      return `${store.server.flawPercent}% of the requests fail`;
    },
  ],
  [
    "refuse",
    ({ store, random, allow }) => {
      const seconds = 1 + random.below(30);
      store.server.access.refusal = { status: 429, retryAfter: String(seconds) };
      allow(seconds * 1_000);
      return `429, retry after ${seconds} s`;
    },
  ],
  [
    "kill",
    async ({ name, stop, allow }) => {
      allow(15_000);
      await stop(name, true);
      return `kill ${name}`;
    },
  ],
  [
    "stop",
    async ({ name, stop, allow }) => {
      allow(15_000);
      await stop(name, false);
      return `stop ${name}`;
    },
  ],
  [
    "start",
    async ({ name, start }) => {
      await start(name);
      return `start ${name}`;
    },
  ],
  [
    "publish",
    ({ name, publish, allow }) => {
      publish(name);
      allow(15_000);
      return `${name} publishes other content`;
    },
  ],
  [
    "recreate",
    ({ store, name, allow }) => {
      store.releaseLease(name);
      allow(20_000);
      return `Node ${name} deleted`;
    },
  ],
  [
    "heartbeat",
    ({ store, name }) => {
      const time = "2026-11-01T00:00:10Z";
      const condition = { type: "Ready", status: "True", reason: "KubeletReady", lastHeartbeatTime: time };
      store.server.admin("PATCH", `/api/v1/nodes/${name}/status`, { status: { conditions: [condition] } });
      return `heartbeat of ${name}`;
    },
  ],
  [
    "tamper",
    ({ store, name, random, allow }) => {
      const annotation = ["public-ip", "backend-data", "backend-type", "kube-subnet-manager"][
        random.below(4)
      ];
      const value = random.below(2) === 0 ? null : "x";
      const annotations = { [`${ANNOTATION_DOMAIN}/${annotation}`]: value };
      store.server.admin("PATCH", `/api/v1/nodes/${name}`, { metadata: { annotations } });
      allow(BACK_OFF_MS);
      return `${annotation} of ${name} is ${value}`;
    },
  ],
  [
    "hostile",
    ({ store, random }) => {
      const annotations = {
        "kube-subnet-manager": "true",
        "backend-type": "vxlan",
        "public-ip": "192.0.2.66",
        "backend-data": ["{", "null", "[1e20]"][random.below(3)] ?? "",
      };
      store.putRaw(`author${1 + random.below(2)}`, { key: "", value: "", annotations });
      return "hostile annotations";
    },
  ],
  [
    "remove hostile",
    ({ store, random }) => {
      store.removeRaw(`author${1 + random.below(2)}`);
      return "hostile annotations removed";
    },
  ],
  [
    "heal",
    ({ heal }) => {
      heal();
      return "heal";
    },
  ],
];

function ipOf(index: number): Ipv4 {
  return parseIpv4(`192.0.2.${index + 1}`);
}

function contentOf(index: number, random: Random): LeaseContent {
  const mac = [...random.bytes(3)].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
  const data = { v4: { VNI: 1, VtepMAC: `0e:52:a1:${mac}` }, v6: null };
  return { publicIps: { v4: ipOf(index), v6: null }, offers: [{ type: "vxlan", data }] };
}

function without(leases: readonly Lease[], others: readonly Lease[]): readonly Lease[] {
  return leases.filter((lease) => !others.some((other) => isDeepStrictEqual(lease, other)));
}

function shown(leases: readonly Lease[]): string {
  return leases
    .map(({ key, subnets, offers }) => `${key} ${subnets.v4} ${JSON.stringify(offers[0].data.v4)}`)
    .join(", ");
}
