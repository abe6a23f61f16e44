/**
 * Ready means reachable. Whatever leases come and go, whatever the kernel refuses or does not answer, and whatever others
 * damage: when the node says that the kernel agrees, the path to each peer stands, as the leases were within the
 * last {@link LAG_MS}, unless the kernel has yet to deliver news; and while it says that it is ready, what happened
 * {@link SETTLE_MS} ago is done, unless the news of it were lost, which takes until everything is read again.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Operation } from "../../src/kernel/operation.ts";
import type { Lease } from "../../src/lease/lease.ts";
import { type Mac, parseIpv4, prefixAddress } from "../../src/net/index.ts";
import { TweedError } from "../../src/runtime/error.ts";
import { eventually } from "../support/eventually.ts";
import type { FakeKernel } from "../support/fake-kernel.ts";
import { configure, FakeNode } from "../support/fake-node.ts";
import { lease } from "../support/lease-fixtures.ts";
import { MemoryCluster } from "../support/memory-store.ts";
import { runs } from "../support/property-runs.ts";

/** What a snapshot gathers, and the pass that it takes to program it. */
const LAG_MS = 100;
/** The longest that notifications are gathered when somebody keeps undoing our work, and a pass. */
const SETTLE_MS = 1500;
/** Everything is read again at least this often. */
const RESYNC_MS = 31_000;

const BACKENDS = [
  { Type: "vxlan" },
  { Type: "vxlan", DirectRouting: true },
  { Type: "host-gw" },
] as const satisfies readonly { readonly Type: string; readonly DirectRouting?: boolean }[];

interface Publication {
  readonly ip: number;
  readonly mac: Mac;
}

type Step =
  | { readonly do: "publish"; readonly peer: number; readonly ip: number; readonly mac: number }
  | { readonly do: "leave"; readonly peer: number }
  | { readonly do: "refuse"; readonly kinds: readonly Operation["op"][] }
  | { readonly do: "damage"; readonly what: Damage; readonly peer: number }
  | { readonly do: "unreadable"; readonly isOn: boolean }
  | { readonly do: "deaf"; readonly isOn: boolean };
type Damage = "route" | "fdb" | "neighbour" | "other-mac" | "link down" | "link";

const REFUSABLE = [
  "put-route",
  "put-fdb",
  "put-neighbour",
  "set-link",
  "create-link",
  "delete-route",
] as const;
const peer = fc.integer({ min: 1, max: 2 });
const variant = fc.integer({ min: 0, max: 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant("publish"), peer, ip: variant, mac: variant }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("leave"), peer }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("refuse"),
      kinds: fc.oneof(fc.constant([]), fc.subarray([...REFUSABLE])),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("damage"),
      what: fc.constantFrom("route", "fdb", "neighbour", "other-mac", "link down", "link"),
      peer,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("unreadable"), isOn: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("deaf"), isOn: fc.boolean() }) },
) as fc.Arbitrary<Step>;
/** Each with the time until the next. */
const steps = fc.array(
  fc.record({ step, pauseMs: fc.constantFrom(0, 3, 15, 60, SETTLE_MS, SETTLE_MS, RESYNC_MS) }),
  { maxLength: 25, size: "max" },
);

test("a node that is ready reaches each peer that it has accepted", async () => {
  let affirmed = 0;
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...BACKENDS), steps, async (backend, script) => {
      const scene = await Scene.create(backend);
      try {
        for (const { step, pauseMs } of script) await scene.play(step, pauseMs);
        await scene.end();
        affirmed += scene.affirmed;
      } finally {
        await scene.node.remove();
      }
    }),
    runs(100),
  );
  expect(affirmed).toBeGreaterThan(0);
});

class Scene {
  readonly node: FakeNode;
  /** How often the node said that the kernel agrees, and it was looked whether that is so. */
  affirmed = 0;
  readonly #cluster: MemoryCluster;
  readonly #backend: (typeof BACKENDS)[number];
  readonly #peers = new Map<number, Publication>();
  /** The leases of the peers from when on. */
  #history: { readonly fromMs: number; readonly leases: readonly Lease[] }[] = [];
  #refused: readonly Operation["op"][] = [];
  #isDeaf = false;
  readonly #faults: string[] = [];

  private constructor(node: FakeNode, cluster: MemoryCluster, backend: (typeof BACKENDS)[number]) {
    this.node = node;
    this.#cluster = cluster;
    this.#backend = backend;
    node.kernel.hooks.before = (operation) => (this.#refused.includes(operation.op) ? refusal : null);
    const holds = node.readiness.holds.bind(node.readiness);
    node.readiness.holds = (condition) => {
      holds(condition);
      if (condition === "kernel") this.#lookAtAffirmation();
    };
  }

  static async create(backend: (typeof BACKENDS)[number]): Promise<Scene> {
    const cluster = new MemoryCluster();
    configure(cluster, backend);
    const node = await FakeNode.create(cluster, 1);
    const scene = new Scene(node, cluster, backend);
    node.start();
    await eventually(() => node.readiness.reasons()).toEqual([]);
    return scene;
  }

  async play(step: Step, pauseMs: number): Promise<void> {
    this.#do(step);
    await this.node.clock.sleep(pauseMs);
    if (pauseMs >= (this.#isDeaf ? RESYNC_MS : SETTLE_MS)) this.#lookAtReady();
    expect(this.#faults).toEqual([]);
  }

  /** Without anything in the way the node becomes ready, and reaches all. */
  async end(): Promise<void> {
    this.#do({ do: "refuse", kinds: [] });
    this.#do({ do: "unreadable", isOn: false });
    this.#do({ do: "deaf", isOn: false });
    await this.node.clock.sleep(RESYNC_MS);
    await eventually(() => this.node.readiness.reasons()).toEqual([]);
    expect(this.#leases().flatMap((each) => this.#missing(each))).toEqual([]);
    expect(this.#faults).toEqual([]);
  }

  #do(step: Step): void {
    const { kernel } = this.node;
    switch (step.do) {
      case "publish": {
        const { peer, ip, mac } = step;
        this.#peers.set(peer, {
          ip: 100 + 10 * peer + ip,
          mac: `02:00:00:00:0${mac}:0${peer}` as Mac,
        });
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
      case "damage":
        this.#damage(step.what, step.peer);
        return;
      case "unreadable":
        kernel.fault = step.isOn ? unreadable : null;
        return;
      case "deaf":
        if (step.isOn) kernel.loseNotifications();
        else if (this.#isDeaf) kernel.overrun();
        this.#isDeaf = step.isOn;
    }
  }

  #damage(what: Damage, number: number): void {
    const { kernel } = this.node;
    const dst = keyOf(number).replace("-", "/");
    const ip = dst.replace(/\/.*/, "");
    const mac = this.#peers.get(number)?.mac;
    switch (what) {
      case "route": {
        const route = kernel.routes.find((each) => each.dst === dst);
        if (route?.iface == null) return;
        const { iface, metric } = route;
        kernel.execute({ op: "delete-route", route: { ...route, iface }, metric });
        return;
      }
      case "fdb": {
        const entry = kernel.fdb.find((each) => each.mac === mac);
        if (entry?.remote != null)
          kernel.execute({ op: "delete-fdb", entry: { ...entry, remote: entry.remote } });
        return;
      }
      case "neighbour":
      case "other-mac": {
        const entry = kernel.neighbours.find((each) => each.ip === ip);
        if (entry?.mac == null) return;
        const op = what === "neighbour" ? "delete-neighbour" : "put-neighbour";
        kernel.execute({ op, entry: { ...entry, mac: "02:00:00:00:00:99" as Mac } });
        return;
      }
      case "link down":
        kernel.execute({ op: "set-link", name: "flannel.1", up: false });
        return;
      case "link":
        kernel.execute({ op: "delete-link", name: "flannel.1" });
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
    return Array.from(this.#peers, ([number, { ip, mac }]) => {
      const data = this.#backend.Type === "vxlan" ? { VNI: 1, VtepMAC: mac } : null;
      const publicIps = { v4: parseIpv4(`192.0.2.${ip}`), v6: null };
      return lease(keyOf(number), 1000 + number, {
        publicIps,
        offers: [{ type: this.#backend.Type, data: { v4: data, v6: null } }],
      });
    });
  }

  /** The node says: the kernel agrees with the newest plan. */
  #lookAtAffirmation(): void {
    if (!this.node.kernel.hasToldAll || this.#isDeaf) return;
    this.affirmed += 1;
    const sinceMs = this.node.clock.nowMs() - LAG_MS;
    const before = this.#history.filter(({ fromMs }) => fromMs <= sinceMs).at(-1)?.leases ?? [];
    const versions = [
      before,
      ...this.#history.filter(({ fromMs }) => fromMs > sinceMs).map((each) => each.leases),
    ];
    for (const { peer } of this.node.report.paths) {
      const candidates = versions.flatMap((leases) => leases.find(({ key }) => key === peer) ?? []);
      const missing = candidates.map((each) => this.#missing(each));
      if (!missing.some((each) => each.length === 0))
        this.#faults.push(`affirmed without ${missing.join(" or ")}`);
    }
  }

  #lookAtReady(): void {
    if (!this.node.readiness.isReady()) return;
    for (const each of this.#leases()) {
      const missing = this.#missing(each);
      if (missing.length > 0) this.#faults.push(`ready without ${missing.join(", ")}`);
    }
  }

  /** What of the path to this peer does not stand, told from the kernel and the lease alone. */
  #missing(of: Lease): readonly string[] {
    const { kernel } = this.node;
    const dst = of.subnets.v4;
    const remote = of.publicIps.v4;
    if (dst === null || remote === null) return ["its lease"];
    const route = kernel.routes.find((each) => each.dst === dst);
    const isTunnel = this.#backend.Type === "vxlan" && !("DirectRouting" in this.#backend);
    const iface = isTunnel ? "flannel.1" : "eth0";
    const via = isTunnel ? prefixAddress(dst) : remote;
    const isRouted = route?.iface === iface && route.via === via && kernel.links.get(iface)?.isUp === true;
    return [...(isRouted ? [] : [`route ${dst}`]), ...(isTunnel ? missingInTunnel(kernel, of) : [])];
  }
}

function missingInTunnel(kernel: FakeKernel, { subnets, publicIps, offers }: Lease): readonly string[] {
  const mac = (offers[0].data.v4 as { readonly VtepMAC?: string } | null)?.VtepMAC;
  const ip = subnets.v4 === null ? null : prefixAddress(subnets.v4);
  const neighbour = kernel.neighbours.find((each) => each.iface === "flannel.1" && each.ip === ip);
  const fdb = kernel.fdb.find((each) => each.iface === "flannel.1" && each.mac === mac);
  return [
    ...(neighbour?.mac === mac && neighbour?.isPermanent === true ? [] : [`neighbour ${ip}`]),
    ...(fdb?.remote === publicIps.v4 && fdb?.isPermanent === true ? [] : [`fdb ${mac}`]),
  ];
}

/** Behind the first hundred subnets, of which the node draws its own. */
function keyOf(peer: number): string {
  return `10.244.${200 + peer}.0-24`;
}

const refusal = new TweedError({ code: "EBUSY", operation: "test", reason: "injected", retryable: true });
const unreadable = new TweedError({ code: "EBADF", operation: "test", reason: "injected", retryable: true });
