/** A simulated cluster: hosts on one link and their store, on one time line. */
import type { Lease } from "../../src/lease/lease.ts";
import type { LeaseStore } from "../../src/lease/store.ts";
import {
  type Ipv4,
  type Ipv4Prefix,
  type Ipv6,
  type Ipv6Prefix,
  type Prefix,
  parseIpv4,
  parseIpv4Prefix,
  parseIpv6,
  parseIpv6Prefix,
} from "../../src/net/index.ts";
import { TweedError } from "../../src/runtime/error.ts";
import type { Random } from "../../src/runtime/random.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { SimulatedTime } from "../support/simulated-time.ts";
import { SUBNET_FILE } from "./daemon.ts";
import { Disturbances } from "./disturbances.ts";
import { DivertedPeers } from "./diverted-peers.ts";
import { type SimulatedEtcdOptions, SimulatedEtcdStore } from "./etcd/simulated-etcd-store.ts";
import { SimulatedFileStore } from "./file-store.ts";
import { ForeignObjects } from "./foreign-objects.ts";
import { CATCH_UP_MS, STALE_LOCK_MS } from "./grace.ts";
import { HeldFaults } from "./held-faults.ts";
import { SimulatedHost, type UnexpectedEnd } from "./host.ts";
import { isRoutedWorld, traitsOf } from "./host-traits.ts";
import { SimulatedKubeStore } from "./kube/simulated-kube-store.ts";
import type { Replacements } from "./replacements.ts";
import type { SimulatedStore, StoreHost, StoreKind, StoreWorld } from "./store.ts";
import { WatchedStore } from "./watched-store.ts";

export interface ClusterOptions {
  readonly nodes: number;
  readonly store: StoreKind;
  /** Index in {@link BACKEND_OPTIONS}. */
  readonly backend: number;
  readonly checksReversePath: boolean;
  readonly flags: readonly string[];
  /** Whether pods have IPv6 too. */
  readonly isDual?: boolean;
  /** Seed of what differs between hosts, see host-traits.ts; absent for hosts that are all alike. */
  readonly world?: number;
  /** How many subnets the network leases; absent for {@link MOST_SUBNETS}. */
  readonly subnets?: number;
}

/** `Backend` objects of the network configuration that an operator changes between. */
export const BACKEND_OPTIONS = [
  { Type: "vxlan" },
  { Type: "vxlan", DirectRouting: true },
  { Type: "host-gw" },
  { Type: "udp" },
  { Type: "ipip" },
  { Type: "vxlan", VNI: 7 },
  { Type: "ipip", DirectRouting: true },
  { Type: "vxlan", MTU: 1400 },
] as const;

/** ipip carries IPv4 only. */
/** Where no two hosts are on one link. */
const ROUTED_BACKEND_OPTIONS = BACKEND_OPTIONS.filter(
  (options) => options.Type !== "host-gw" && !("DirectRouting" in options),
);
const DUAL_BACKEND_OPTIONS = BACKEND_OPTIONS.filter(({ Type }) => Type !== "ipip");

export const NETWORKS = ["10.244", "10.245"] as const;
export const NETWORK_PREFIXES = [parseIpv4Prefix("10.244.0.0/16"), parseIpv4Prefix("10.245.0.0/16")] as const;
const NETWORK6_PREFIXES = [parseIpv6Prefix("fd00:10:244::/56"), parseIpv6Prefix("fd00:10:245::/56")] as const;
export const ALL_NETWORKS: readonly Prefix[] = [...NETWORK_PREFIXES, ...NETWORK6_PREFIXES];
/** The last quarter of each network is not leased. */
export const MOST_SUBNETS = 191;

const STORES: Readonly<Record<StoreKind, (world: StoreWorld) => SimulatedStore>> = {
  file: (world) => new SimulatedFileStore(world),
  etcd: (world) => new SimulatedEtcdStore(world, drawEtcdOptions(world)),
  kubernetes: (world) => new SimulatedKubeStore(world),
};

/** As they are set up, or so short that leases are renewed, and expire while their nodes are paused or cut off. */
function drawEtcdOptions({ random }: StoreWorld): SimulatedEtcdOptions {
  return random.below(2) === 0 ? {} : { timing: { leaseTtlSeconds: 120 }, renewMarginMs: 90_000 };
}

export class SimulatedCluster {
  readonly time = new SimulatedTime();
  readonly random: Random;
  readonly store: SimulatedStore;
  readonly hosts: readonly SimulatedHost[];
  readonly faults: HeldFaults;
  readonly disturbances: Disturbances;
  readonly unexpectedEnds: UnexpectedEnd[] = [];
  readonly diverted: DivertedPeers;
  /** What daemons did not report, for the oracle. */
  readonly unreported: string[] = [];
  /** The stores of the last runs of the daemons, by host. */
  readonly #watches = new Map<string, WatchedStore>();
  /** Hosts whose watches list nothing, and until when. */
  readonly #emptied = new Map<string, number>();
  /** Index in {@link NETWORKS}. */
  network = 0;
  wasRenumbered = false;
  /** When the store last lost what was written since a backup. */
  rewoundAtMs = Number.NEGATIVE_INFINITY;
  backend: number;
  /** Since when nodes accept the configuration in the store; infinite while they do not. */
  configuredAtMs = 0;
  /** Index of the network that the configuration in the store is of; null where that is invalid. */
  #configured: number | null = null;
  /** The same of the configuration in the backup; undefined without a backup that has one. */
  #backedUp: number | null | undefined;
  readonly #foreign = new Map<SimulatedHost, ForeignObjects>();
  readonly #subnets: number;
  readonly isDual: boolean;
  readonly #isRouted: boolean;

  constructor(options: ClusterOptions, seed: number, replacements: Replacements = {}) {
    const { nodes, store, checksReversePath, flags, isDual = false } = options;
    this.isDual = isDual;
    this.#isRouted = isRoutedWorld(options.world ?? null);
    this.random = seededRandom(seed);
    const world = {
      ...{ time: this.time, random: seededRandom(this.random.below(2 ** 32)) },
      network6: this.networkPrefix6,
    };
    this.store = STORES[store](world);
    this.backend = options.backend;
    this.#subnets = options.subnets ?? MOST_SUBNETS;
    this.faults = new HeldFaults(this.time);
    this.disturbances = new Disturbances(nodes, this.time);
    this.diverted = new DivertedPeers(
      this.time,
      () => this.hosts,
      (on, subnet) =>
        !this.disturbances.isLate(this.hosts.indexOf(on)) &&
        this.store.leases().some(({ subnets }) => subnets.v4 === subnet || subnets.v6 === subnet),
      (reason) => this.unreported.push(reason),
    );
    const openStore = async (host: StoreHost): Promise<LeaseStore> => {
      const watched = new WatchedStore(await this.store.open(host));
      this.#watches.set(host.name, watched);
      this.#startEmptied(host.name, watched);
      // The lock of a daemon that is killed stays, and whoever waits for it publishes nothing.
      host.life.onEnd(() => {
        if (!this.store.isLocked?.()) return;
        for (const each of this.hosts.keys()) this.disturbances.blind(each, STALE_LOCK_MS);
      });
      return replacements.store?.(watched.store, host, this.store) ?? watched.store;
    };
    this.hosts = Array.from({ length: nodes }, (_, index) => {
      const ip = addressOf(index, 0);
      const ip6 = isDual ? address6Of(index, 0) : null;
      const traits = traitsOf(options.world ?? null, index, ip, ip6);
      const host = new SimulatedHost(
        {
          ...{ name: `node${index + 1}`, ip, ip6, checksReversePath, traits, openStore },
          // Of two values of a flag the last one counts, and --iface may be given by one of them.
          flags: flags.filter((flag) => traits.flags.length === 0 || !flag.startsWith("--iface")),
        },
        this.time,
        seededRandom(this.random.below(2 ** 32)),
        replacements,
      );
      host.onUnexpectedEnd = (end) => {
        const { error } = end;
        const isOutside = error instanceof TweedError && error.code === "outside-network";
        // Node and daemon get to know of another network at different times, and a restore brings back the old one.
        if (!isOutside || !this.wasRenumbered) this.unexpectedEnds.push(end);
        host.startSoon();
      };
      return host;
    });
    this.configure();
  }

  get networkPrefix(): Ipv4Prefix {
    return NETWORK_PREFIXES[this.network] ?? NETWORK_PREFIXES[0];
  }

  get networkPrefix6(): Ipv6Prefix | null {
    return this.isDual ? (NETWORK6_PREFIXES[this.network] ?? NETWORK6_PREFIXES[0]) : null;
  }

  get families(): readonly ("v4" | "v6")[] {
    return this.isDual ? ["v4", "v6"] : ["v4"];
  }

  networkOf(family: "v4" | "v6"): Prefix | null {
    return family === "v4" ? this.networkPrefix : this.networkPrefix6;
  }

  /** Writes the configuration of the present network and backend. */
  configure(): void {
    const prefix = NETWORKS[this.network];
    const backends = BACKEND_OPTIONS.filter(
      (each) =>
        (!this.isDual || DUAL_BACKEND_OPTIONS.includes(each)) &&
        (!this.#isRouted || ROUTED_BACKEND_OPTIONS.includes(each)),
    );
    if (!Number.isFinite(this.configuredAtMs)) this.configuredAtMs = this.time.nowMs;
    this.#configured = this.network;
    this.store.configure(
      JSON.stringify({
        Network: `${prefix}.0.0/16`,
        SubnetMin: `${prefix}.1.0`,
        SubnetMax: `${prefix}.${this.#subnets}.0`,
        ...(this.isDual ? { EnableIPv6: true, IPv6Network: this.networkPrefix6 } : {}),
        Backend: backends[this.backend % backends.length],
      }),
    );
  }

  configureBadly(text: string): void {
    this.configuredAtMs = Number.POSITIVE_INFINITY;
    this.#configured = null;
    this.store.configure(text);
  }

  backUp(): void {
    this.store.backup();
    // A restored API server has no part in files that are mounted.
    if (this.store.kind !== "kubernetes") this.#backedUp = this.#configured;
  }

  restore(): void {
    this.rewoundAtMs = this.time.nowMs;
    if (this.#backedUp !== undefined) {
      this.#configured = this.#backedUp;
      // Nodes keep the network that their pods are in.
      const isAccepted = this.#configured === this.network;
      this.configuredAtMs = isAccepted ? this.time.nowMs : Number.POSITIVE_INFINITY;
    }
    this.store.restore();
  }

  emptyWatch(host: SimulatedHost, untilMs: number): void {
    this.#emptied.set(host.name, Math.max(untilMs, this.#emptied.get(host.name) ?? 0));
    this.#watches.get(host.name)?.setEmpty(true);
  }

  fillWatch(host: SimulatedHost): void {
    this.#emptied.delete(host.name);
    this.#watches.get(host.name)?.setEmpty(false);
  }

  /** A daemon that starts misses the peers that the one before knew, and cannot miss others. */
  #startEmptied(name: string, watch: WatchedStore): void {
    const untilMs = this.#emptied.get(name);
    const index = this.hosts.findIndex((host) => host.name === name);
    const host = this.hosts[index];
    if (untilMs === undefined || host === undefined) return;
    watch.setEmpty(true);
    const known = host.textOf(`${SUBNET_FILE}.holders`) ?? "";
    const isUnknown = ({ key, identity }: Lease) =>
      this.hosts.some((each) => each.name === key || each.name === identity?.hostName) &&
      !known.includes(`"${key}"`);
    if (this.store.leases().some(isUnknown))
      this.disturbances.disturb(index, untilMs + CATCH_UP_MS - this.time.nowMs);
  }

  /** Steps name hosts by any number, so that a history fits a cluster of any size. */
  indexAt(number: number): number {
    return number % this.hosts.length;
  }

  hostAt(number: number): SimulatedHost {
    const host = this.hosts[this.indexAt(number)];
    if (host === undefined) throw new RangeError("a cluster has hosts");
    return host;
  }

  foreignOn(host: SimulatedHost): ForeignObjects {
    const known = this.#foreign.get(host);
    if (known?.kernel === host.kernel) return known;
    const objects = new ForeignObjects(host.kernel);
    this.#foreign.set(host, objects);
    return objects;
  }

  /** Ends everything that waits for a time: nothing of this cluster runs on beside the next one. */
  close(): void {
    for (const host of this.hosts) host.powerOff();
    this.store.close?.();
    this.time.end();
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.time.wakeAt(this.time.nowMs + ms, resolve));
  }
}

/** The addresses of a host: its first one, and those that it may get later. */
export function addressOf(host: number, choice: number): Ipv4 {
  return parseIpv4(`192.0.2.${1 + host + 20 * (choice % 5)}`);
}

export function address6Of(host: number, choice: number): Ipv6 {
  return parseIpv6(`fd00:192:0:2::${(1 + host + 20 * (choice % 5)).toString(16)}`);
}
