/**
 * Ready means reachable. Whatever leases come and go, whatever kernel and data plane refuse, delay or do not answer, and
 * whatever others damage: when the node says that the kernel agrees, its part of the path to each peer stands, as the leases
 * were within the last {@link LAG_MS}, unless the kernel has yet to deliver news; and while it says that it is ready,
 * what happened {@link SETTLE_MS} ago is done, unless the news of it were lost, which takes until everything is read again.
 */
import { dirname, join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { UdpDataplane } from "../../backends/udp/dataplane.ts";
import { FORWARDING_FILE, SavedForwarding } from "../../backends/udp/saved-forwarding.ts";
import { SETTLE_MS as WITHDRAWAL_SETTLE_MS } from "../../src/agent/switch-over/mass-withdrawal.ts";
import type { Operation } from "../../src/kernel/operation.ts";
import type { Lease } from "../../src/lease/lease.ts";
import { type Ipv4Prefix, type Mac, parseIpv4, parseIpv4Prefix } from "../../src/net/index.ts";
import { TweedError } from "../../src/runtime/error.ts";
import type { JsonObject } from "../../src/runtime/json.ts";
import { nodeFiles } from "../../src/runtime/node-files.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { configure, FakeNode } from "../support/fake-node.ts";
import { FakeUdpSessions } from "../support/fake-udp-sessions.ts";
import { lease } from "../support/lease-fixtures.ts";
import { MemoryCluster } from "../support/memory-store.ts";
import { DAMAGES, type Damage, damage } from "../support/path-damage.ts";
import { type Carriage, missingOfPath } from "../support/path-of-peer.ts";
import { runs } from "../support/property-runs.ts";

/** What a snapshot gathers, and the pass that it takes to program it. */
const LAG_MS = 100;
/** The longest that notifications are gathered when somebody keeps undoing our work, and a pass. */
const SETTLE_MS = 1500;
/** A kernel that is not needed is asked this often whether it still answers, and a bit. */
const PING_MS = 6000;
/** Everything is read again at least this often. */
const RESYNC_MS = 31_000;

const BACKENDS = [
  { config: { Type: "vxlan" }, carriage: "vxlan" },
  { config: { Type: "vxlan", DirectRouting: true }, carriage: "bare" },
  { config: { Type: "host-gw" }, carriage: "bare" },
  { config: { Type: "udp" }, carriage: "udp" },
] as const satisfies readonly { readonly config: JsonObject; readonly carriage: Carriage }[];
type Backend = (typeof BACKENDS)[number];

interface Publication {
  readonly ip: number;
  readonly mac: Mac;
}

type Step =
  | { readonly do: "publish"; readonly peer: number; readonly ip: number; readonly mac: number }
  | { readonly do: "leave"; readonly peer: number }
  | { readonly do: "refuse"; readonly kinds: readonly Operation["op"][] }
  | { readonly do: "damage"; readonly what: Damage; readonly peer: number }
  | { readonly do: "unreadable" | "deaf"; readonly isOn: boolean }
  | { readonly do: "carry"; readonly badly: Partial<Record<CarryFault, boolean>> }
  | { readonly do: "open slowly"; readonly ms: number }
  | { readonly do: "end threads"; readonly count: number };

const REFUSABLE = [
  "put-route",
  "put-fdb",
  "put-neighbour",
  "set-link",
  "create-link",
  "delete-route",
] as const;
const CARRY_FAULTS = ["refusesSockets", "refusesTables", "holdsTable", "endsThreads"] as const;
type CarryFault = (typeof CARRY_FAULTS)[number];

const peer = fc.integer({ min: 1, max: 2 });
const variant = fc.integer({ min: 0, max: 1 });
const steps = (carriage: Carriage): readonly (fc.WeightedArbitrary<Step> & object)[] => [
  { weight: 8, arbitrary: fc.record({ do: fc.constant("publish"), peer, ip: variant, mac: variant }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("leave"), peer }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("refuse"),
      kinds: fc.oneof(fc.constant([]), fc.subarray([...REFUSABLE])),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("damage"), what: fc.constantFrom(...DAMAGES[carriage]), peer }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("unreadable", "deaf"), isOn: fc.boolean() }) },
  ...(carriage === "udp" ? CARRIED : []),
];
/** What may happen to a data plane in userspace. */
const CARRIED: readonly fc.WeightedArbitrary<Step>[] = [
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("carry"),
      badly: fc.constantFrom<Partial<Record<CarryFault, boolean>>>(
        {},
        ...CARRY_FAULTS.map((fault) => ({ [fault]: true })),
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("open slowly"), ms: fc.constantFrom(0, 40, 4000) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("end threads"), count: fc.constantFrom(1, 2, 4) }),
  },
];
/** A script takes up to a tenth of a second: without a limit a failure is told after the test's time is over, or never. */
const MOST_SHRINKS = 150;
/** Each with the time until the next. */
const scriptOf = (carriage: Carriage) =>
  fc.limitShrink(
    fc.array(
      fc.record({
        step: fc.oneof(...steps(carriage)),
        pauseMs: fc.constantFrom(0, 3, 15, 60, SETTLE_MS, SETTLE_MS, PING_MS, RESYNC_MS),
      }),
      { maxLength: 25, size: "max" },
    ),
    MOST_SHRINKS,
  );

test.each(BACKENDS)(
  "a node that is ready on $config reaches each peer that it has accepted",
  async (backend) => {
    let affirmed = 0;
    await fc.assert(
      fc.asyncProperty(scriptOf(backend.carriage), async (script) => {
        const scene = await Scene.create(backend);
        try {
          for (const { step, pauseMs } of script) await scene.play(step, pauseMs);
          await scene.end();
          affirmed += scene.affirmed;
        } finally {
          await scene.node.remove();
        }
      }),
      runs(28),
    );
    expect(affirmed).toBeGreaterThan(0);
  },
);

class Scene {
  readonly node: FakeNode;
  /** How often the node said that the kernel agrees, and it was looked whether that is so. */
  affirmed = 0;
  readonly #cluster: MemoryCluster;
  readonly #sessions: FakeUdpSessions;
  readonly #backend: Backend;
  readonly #peers = new Map<number, Publication>();
  /** The leases of the peers from when on. */
  #history: { readonly fromMs: number; readonly leases: readonly Lease[] }[] = [];
  #refused: readonly Operation["op"][] = [];
  #isDeaf = false;
  readonly #faults: string[] = [];

  private constructor(node: FakeNode, cluster: MemoryCluster, backend: Backend) {
    this.node = node;
    this.#cluster = cluster;
    this.#backend = backend;
    const { kernel, clock, log } = node;
    kernel.addDevice("eth1");
    kernel.hooks.before = (operation) => (this.#refused.includes(operation.op) ? refusal : null);
    this.#sessions = new FakeUdpSessions(kernel, clock);
    const surroundings = { clock, random: systemRandom, files: nodeFiles, log };
    const saved = new SavedForwarding(join(dirname(node.subnetFile), FORWARDING_FILE), surroundings);
    const parts = { script: "none", saved, openSession: this.#sessions.open };
    node.effectors = [new UdpDataplane({ queues: 1, offload: "auto" }, surroundings, parts)];
    const holds = node.readiness.holds.bind(node.readiness);
    node.readiness.holds = (condition) => {
      holds(condition);
      if (condition === "kernel") this.#lookAtAffirmation();
    };
  }

  static async create(backend: Backend): Promise<Scene> {
    const cluster = new MemoryCluster();
    configure(cluster, backend.config);
    const node = await FakeNode.create(cluster, 1);
    const scene = new Scene(node, cluster, backend);
    await node.startUntilReady();
    return scene;
  }

  async play(step: Step, pauseMs: number): Promise<void> {
    this.#do(step);
    await this.node.clock.sleep(pauseMs);
    if (pauseMs >= (this.#isDeaf ? RESYNC_MS : SETTLE_MS)) this.#lookAtReady();
    if (pauseMs >= PING_MS && this.node.kernel.fault !== null && this.node.readiness.isReady())
      this.#faults.push("ready by a kernel that does not answer");
    expect(this.#faults).toEqual([]);
  }

  /** Without anything in the way the node becomes ready, and reaches all. */
  async end(): Promise<void> {
    this.#do({ do: "refuse", kinds: [] });
    this.#do({ do: "unreadable", isOn: false });
    this.#do({ do: "deaf", isOn: false });
    this.#do({ do: "carry", badly: {} });
    // In its own time, not in that of a wait: a node that never becomes ready is to be told of at once.
    await this.node.clock.sleep(RESYNC_MS);
    if (!this.node.readiness.isReady()) await this.node.clock.sleep(2 * RESYNC_MS);
    expect(this.node.readiness.reasons()).toEqual([]);
    expect(this.#leases().flatMap((each) => this.#missing(each))).toEqual([]);
    expect(this.#faults).toEqual([]);
  }

  #do(step: Step): void {
    const { kernel } = this.node;
    switch (step.do) {
      case "publish": {
        const { peer, ip, mac } = step;
        this.#peers.set(peer, { ip: 100 + 10 * peer + ip, mac: `02:00:00:00:0${mac}:0${peer}` as Mac });
        this.#announce();
        return;
      }
      case "leave":
        this.#peers.delete(step.peer);
        this.#announce();
        return;
      case "refuse":
        this.#refused = step.kinds;
        return;
      case "damage": {
        const mac = this.#peers.get(step.peer)?.mac;
        damage(kernel, this.#backend.carriage, step.what, { subnet: subnetOf(step.peer), mac });
        return;
      }
      case "unreadable":
        kernel.fault = step.isOn ? unreadable : null;
        return;
      case "deaf":
        if (step.isOn) kernel.loseNotifications();
        else if (this.#isDeaf) kernel.overrun();
        this.#isDeaf = step.isOn;
        return;
      case "carry":
        for (const fault of CARRY_FAULTS) this.#sessions[fault] = step.badly[fault] === true;
        return;
      case "open slowly":
        this.#sessions.openingMs = step.ms;
        return;
      case "end threads":
        for (let count = 0; count < step.count; count++) this.#sessions.endThread();
    }
  }

  #announce(): void {
    const { leases } = this.#cluster;
    for (const number of [1, 2]) leases.delete(keyOf(number));
    for (const each of this.#leases()) this.#cluster.putOther(each);
    this.#history.push({ fromMs: this.node.clock.nowMs(), leases: this.#leases() });
    this.#cluster.announce();
  }

  #leases(): readonly Lease[] {
    const type = this.#backend.config.Type;
    return Array.from(this.#peers, ([number, { ip, mac }]) => {
      const data = type === "vxlan" ? { VNI: 1, VtepMAC: mac } : null;
      const publicIps = { v4: parseIpv4(`192.0.2.${ip}`), v6: null };
      return lease(keyOf(number), 1000 + number, {
        publicIps,
        offers: [{ type, data: { v4: data, v6: null } }],
      });
    });
  }

  /** The node says: the kernel agrees with the newest plan. */
  #lookAtAffirmation(): void {
    // What is carried in userspace follows by itself, and has a condition of its own.
    if (!this.node.kernel.hasDeliveredAll || this.#isDeaf || this.#backend.carriage === "udp") return;
    this.affirmed += 1;
    const sinceMs = this.node.clock.nowMs() - LAG_MS;
    const before = this.#history.filter(({ fromMs }) => fromMs <= sinceMs).at(-1)?.leases ?? [];
    const versions = [
      before,
      ...this.#history.filter(({ fromMs }) => fromMs > sinceMs).map((each) => each.leases),
    ];
    for (const { peer } of this.node.report.paths) {
      const listed = versions.flatMap((leases) => leases.find(({ key }) => key === peer) ?? []);
      const candidates = listed.length > 0 ? listed : this.#heldBack(peer);
      const missing = candidates.map((each) => this.#missing(each));
      if (!missing.some((each) => each.length === 0))
        this.#faults.push(`affirmed without ${missing.join(" or ")}`);
    }
  }

  /** As last listed, a peer that went while a mass withdrawal settles: one of two peers, or both, are one. */
  #heldBack(peer: string): readonly Lease[] {
    const sinceMs = this.node.clock.nowMs() - WITHDRAWAL_SETTLE_MS - LAG_MS;
    const index = this.#history.findIndex(({ fromMs }) => fromMs > sinceMs);
    const recent = index < 0 ? [] : this.#history.slice(Math.max(0, index - 1));
    return recent.flatMap(({ leases }) => leases.find(({ key }) => key === peer) ?? []).slice(-1);
  }

  #lookAtReady(): void {
    if (!this.node.readiness.isReady()) return;
    if (this.#backend.carriage === "udp") this.affirmed += 1;
    for (const each of this.#leases()) {
      const missing = this.#missing(each);
      if (missing.length > 0) this.#faults.push(`ready without ${missing.join(", ")}`);
    }
  }

  #missing(of: Lease): readonly string[] {
    return missingOfPath(this.#backend.carriage, { kernel: this.node.kernel, sessions: this.#sessions }, of);
  }
}

/** Behind the first hundred subnets, of which the node draws its own. */
function keyOf(peer: number): string {
  return `10.244.${200 + peer}.0-24`;
}

function subnetOf(peer: number): Ipv4Prefix {
  return parseIpv4Prefix(`10.244.${200 + peer}.0/24`);
}

const refusal = new TweedError({ code: "EBUSY", operation: "test", reason: "injected", retryable: true });
const unreadable = new TweedError({ code: "EBADF", operation: "test", reason: "injected", retryable: true });
