/**
 * Judges the cluster whenever something has changed and the process is idle: what the kernels hold, against what the
 * store holds. It knows nothing of the agent's state but whether it says that it is ready.
 */
import { byAge } from "../../src/lease/claims.ts";
import type { Lease } from "../../src/lease/lease.ts";
import { FAMILIES, type Family } from "../../src/net/index.ts";
import { ALL_NETWORKS, type SimulatedCluster } from "./cluster.ts";
import {
  CATCH_UP_MS,
  LINES_PER_MINUTE,
  LINES_PER_START,
  SLEEPERS,
  START_MS,
  WITHDRAWAL_MS,
} from "./grace.ts";
import type { SimulatedHost } from "./host.ts";
import { areOverlapping, isInside } from "./ip-ranges.ts";
import type { StoreKind } from "./store.ts";
import { type Carriage, type Programmed, programmedOf, routesBeyond, type Walk, walk } from "./walk.ts";

export interface Violation {
  readonly invariant: string;
  readonly atMs: number;
  readonly reason: string;
}

/** What the oracle remembers of a host. */
interface Known {
  /** Its lease in the store. */
  lease: Lease | null;
  /** Key, addresses and MAC of its lease in the store, and since when. */
  identity: string;
  changedAtMs: number;
  /** By which backends it wants packets of peers without a tunnel: they do as it says, whatever they offer themselves. */
  routesDirectly: string;
  directChangedAtMs: number;
  /** The backends of its lease in the store, and when one of them last went. */
  offers: Lease["offers"] | undefined;
  offered: ReadonlySet<string>;
  offeredAtMs: number;
  withdrewAtMs: number;
  /** Its addresses, counted, and when they last changed. */
  places: number;
  placedAtMs: number;
  readySinceMs: number | null;
  /** Of the daemon that runs, from its start. */
  wasReady: boolean;
  life: unknown;
  loggedLines: number;
  /** Since the last judgement of the log. */
  starts: number;
  /** What the host has programmed, for this version of it and this network. */
  ways: readonly Way[];
  waysVersion: number;
  waysNetwork: string;
}

interface Way extends Programmed {
  /** What a lease has that the way leads to. */
  readonly leased: string;
  /** Ways before this one to a part of its destination, or to more than it. */
  readonly overlapping: readonly Way[];
}

interface PairState {
  /** The last walk, and the sum of the versions that it depended on: each of them only grows. */
  way: Walk;
  version: number;
  isEstablished: boolean;
  carriage: Carriage | null;
}

interface Other {
  readonly other: SimulatedHost;
  readonly otherIndex: number;
  readonly family: Family;
}

interface Pair {
  readonly from: SimulatedHost;
  readonly to: SimulatedHost;
  readonly fromIndex: number;
  readonly toIndex: number;
  readonly family: Family;
  readonly name: string;
  readonly state: PairState;
}

export class Oracle {
  readonly violations: Violation[] = [];
  /** How many statements were checked. */
  checks = 0;
  isDirty = true;
  /** Called at the first violation. */
  onFirst: () => void = () => {};
  readonly #cluster: SimulatedCluster;
  readonly #known: readonly Known[];
  readonly #others: readonly Other[];
  readonly #pairs: readonly Pair[];
  /** When each pair of subnet and address was last in the store, of those that are not in it now. */
  readonly #goneMs = new Map<string, number>();
  readonly #present = new Set<string>();
  #leases: readonly Lease[] = [];
  /** The node of each pair of subnet and address that was ever in the store. */
  readonly #nodes = new Map<string, string>();
  /** Keys of the leases that publish an address, in the order in which they began to. */
  readonly #publishers = new Map<string, readonly string[]>();
  /** When the first of them was last another one. */
  readonly #handedOnMs = new Map<string, number>();
  /** Machines by claim. */
  #owners: ReadonlyMap<string, string> = new Map();
  #isAtRest = false;

  constructor(cluster: SimulatedCluster) {
    this.#cluster = cluster;
    this.#known = cluster.hosts.map(() => {
      return {
        lease: null,
        identity: "",
        changedAtMs: 0,
        routesDirectly: "",
        directChangedAtMs: Number.NEGATIVE_INFINITY,
        offers: undefined,
        offered: new Set(),
        offeredAtMs: Number.NEGATIVE_INFINITY,
        withdrewAtMs: Number.NEGATIVE_INFINITY,
        places: 0,
        placedAtMs: Number.NEGATIVE_INFINITY,
        readySinceMs: null,
        wasReady: false,
        life: null,
        loggedLines: 0,
        starts: 0,
        ways: [],
        waysVersion: -1,
        waysNetwork: "",
      };
    });
    const { hosts, families } = cluster;
    this.#others = hosts.flatMap((other, otherIndex) =>
      families.map((family) => ({ other, otherIndex, family })),
    );
    this.#pairs = hosts.flatMap((from, fromIndex) =>
      this.#others
        .filter(({ other }) => other !== from)
        .map(({ other: to, otherIndex: toIndex, family }) => {
          return {
            from,
            to,
            fromIndex,
            toIndex,
            family,
            name: nameOf(from, to, family),
            state: { ...NO_PAIR },
          };
        }),
    );
    const soil = () => {
      this.isDirty = true;
    };
    for (const host of cluster.hosts) host.onDirty = soil;
    cluster.disturbances.onEnd = soil;
    cluster.time.onIdle = () => {
      if (this.violations.length > 0) return;
      this.#readStore();
      if (this.isDirty) this.judge();
    };
  }

  judge(): void {
    this.isDirty = false;
    for (const [index, host] of this.#cluster.hosts.entries()) this.#follow(host, index);
    this.#judgeWalks();
    for (const [index, host] of this.#cluster.hosts.entries()) this.#judgeHost(host, index);
    for (const reason of this.#cluster.unreported.splice(0))
      this.#violated("diverted peers are reported", reason);
    for (const { host, error } of this.#cluster.unexpectedEnds.splice(0))
      this.#violated("the daemon runs", `${host}: ${error instanceof Error ? error.stack : error}`);
  }

  /** What is missing of a cluster at rest; empty when everything is ready, reachable and agreed. */
  unrest(): readonly string[] {
    this.#readStore();
    const { hosts } = this.#cluster;
    const texts: string[] = [];
    for (const host of hosts) {
      if (host.isReady) continue;
      const reasons = host.daemon?.readiness.reasons() ?? [];
      texts.push(`${host.name} is not ready: ${host.isRunning ? reasons.join("; ") : "it does not run"}`);
    }
    if (texts.length > 0) return texts;
    for (const { from, to, family, name } of this.#pairs) {
      const there = walk(from, to, hosts, family);
      const back = walk(to, from, hosts, family);
      if (!there.arrives) texts.push(`${name}: ${there.reason}`);
      else if (back.arrives && there.carriage !== back.carriage)
        texts.push(`${name} is ${there.carriage}, back ${back.carriage}`);
    }
    for (const host of hosts) {
      for (const { dst, end } of this.#programmedOn(host)) {
        if (!this.#present.has(`${dst} ${end}`))
          texts.push(`${host.name} has ${dst} at ${end}, which no lease has`);
      }
    }
    return texts;
  }

  /** From now on any change of a way is a violation. */
  set isAtRest(isAtRest: boolean) {
    this.#isAtRest = isAtRest;
  }

  /** To be called once a simulated minute. */
  judgeLogs(): void {
    for (const [index, host] of this.#cluster.hosts.entries()) {
      const known = this.#knownOf(index);
      const lines = host.log.lines.length - known.loggedLines;
      known.loggedLines = host.log.lines.length;
      const most = LINES_PER_MINUTE + LINES_PER_START * Math.max(0, known.starts - 1);
      known.starts = 0;
      this.checks += 1;
      if (lines > most) this.#violated("logs are bounded", `${host.name}: ${lines} in a minute`);
    }
  }

  report(invariant: string, reason: string): void {
    this.#violated(invariant, reason);
  }

  #readStore(): void {
    const { nowMs } = this.#cluster.time;
    const leases = this.#cluster.store.leases();
    const isChanged = leases !== this.#leases;
    if (isChanged) {
      // What the store had before was there until now: between two readings time stands still or nothing happens.
      for (const end of this.#present) this.#goneMs.set(end, nowMs);
      this.#present.clear();
      // A node may hold on to a peer whose lease has expired as long as a listing has it.
      for (const lease of [...leases, ...(this.#cluster.store.expired?.() ?? [])]) {
        for (const end of endsOf(lease)) {
          this.#present.add(end);
          this.#nodes.set(end, nodeOf(lease, this.#cluster.store.kind));
        }
      }
      this.#judgeOwners(leases);
      this.#followPublishers(leases);
      this.#leases = leases;
    }
    // The lease of a host depends on its pods too.
    if (!isChanged && !this.isDirty) return;
    for (const [index, host] of this.#cluster.hosts.entries()) {
      const known = this.#knownOf(index);
      const lease = this.leaseOf(host);
      if (lease === known.lease) continue;
      known.lease = lease;
      const routesDirectly = lease === null ? "" : directBackends(lease);
      if (routesDirectly !== known.routesDirectly) known.directChangedAtMs = nowMs;
      known.routesDirectly = routesDirectly;
      if (lease?.offers !== known.offers) {
        const offered = offeredBy(lease);
        if ([...known.offered].some((each) => !offered.has(each))) known.withdrewAtMs = nowMs;
        if (offered.size !== known.offered.size || [...offered].some((each) => !known.offered.has(each)))
          known.offeredAtMs = nowMs;
        Object.assign(known, { offers: lease?.offers, offered });
      }
      const identity = identityOf(lease);
      if (identity === known.identity) continue;
      if (!isSamePlace(identity, known.identity)) known.changedAtMs = nowMs;
      known.identity = identity;
      this.isDirty = true;
    }
  }

  /** Another node may have what a lease had once the store has it no more: then it is another claim. */
  #judgeOwners(leases: readonly Lease[]): void {
    const { rewoundAtMs } = this.#cluster;
    const owners = new Map<string, string>();
    for (const { key, claimedAt, identity } of leases) {
      if (identity?.machineId == null) continue;
      // After a rewind the store gives the same times of claims once more.
      const claim = `${key} ${claimedAt} ${rewoundAtMs}`;
      const owner = this.#owners.get(claim) ?? identity.machineId;
      owners.set(claim, identity.machineId);
      if (owner !== identity.machineId)
        this.#violated(
          "no lease is written over",
          `${key} is ${identity.hostName}'s, by the claim of another`,
        );
    }
    this.#owners = owners;
  }

  /** Two addresses of one node are none of two: a data plane in userspace resumes what was saved before a change. */
  #nodeAt({ leased, end }: Way): string {
    return this.#nodes.get(leased) ?? `${end}`;
  }

  #followPublishers(leases: readonly Lease[]): void {
    const now = new Map<string, string[]>();
    for (const { key, publicIps } of leases) {
      for (const ip of [publicIps.v4, publicIps.v6])
        if (ip !== null) now.set(ip, [...(now.get(ip) ?? []), key]);
    }
    for (const ip of this.#publishers.keys()) if (!now.has(ip)) this.#publishers.delete(ip);
    for (const [ip, keys] of now) {
      const former = this.#publishers.get(ip) ?? [];
      const remaining = former.filter((key) => keys.includes(key));
      if (former.length > 0 && former[0] !== remaining[0]) this.#handedOnMs.set(ip, this.#cluster.time.nowMs);
      this.#publishers.set(ip, [...new Set([...remaining, ...keys])]);
    }
  }

  /** The lease of a host in the store: that of its pods, if there are several. */
  leaseOf({ name, podSubnet }: SimulatedHost): Lease | null {
    const own = this.#leases.filter((lease) => lease.key === name || lease.identity?.hostName === name);
    return own.find(({ subnets }) => subnets.v4 === podSubnet) ?? own[0] ?? null;
  }

  #follow(host: SimulatedHost, index: number): void {
    const known = this.#knownOf(index);
    const { disturbances, time, networkPrefix } = this.#cluster;
    const life = host.daemon?.life ?? null;
    if (life !== known.life) {
      known.life = life;
      known.wasReady = false;
      if (life !== null) known.starts += 1;
      // It resumes what an earlier daemon saved last, which differs from what that daemon did last.
      if (life !== null && host.disk.hasRefused) {
        host.disk.hasRefused = false;
        disturbances.awaitReady(index);
      }
    }
    // Without a lease that it can use, a node changes nothing of what it has, and is not ready.
    const own = this.leaseOf(host)?.subnets.v4 ?? null;
    if (own === null || !isInside(networkPrefix, own)) disturbances.awaitReady(index);
    if (host.places !== known.places) {
      known.places = host.places;
      known.placedAtMs = time.nowMs;
    }
    if (host.isReady) {
      known.readySinceMs ??= time.nowMs;
      known.wasReady = true;
      disturbances.becameReady(index);
    } else {
      known.readySinceMs = null;
    }
    const isShut = !known.wasReady || !host.isRunning || life?.isPaused === true;
    disturbances.setShut(index, isShut, START_MS);
  }

  #judgeWalks(): void {
    const { hosts } = this.#cluster;
    const places = hosts.reduce((sum, host) => sum + host.places, 0);
    for (const { from, to, fromIndex, toIndex, family, name, state } of this.#pairs) {
      const version = from.version + to.version + places;
      if (state.version !== version) state.way = walk(from, to, hosts, family);
      state.version = version;
      const { way } = state;
      this.checks += 1;
      if (this.#isAtRest && (!way.arrives || way.carriage !== state.carriage)) {
        this.#violated("a cluster at rest stays at rest", `${name}: ${describe(way)}`);
      }
      if (way.arrives) {
        state.isEstablished = true;
        state.carriage = way.carriage;
      } else if (this.#excuse(fromIndex, toIndex, family, state, way) !== null) {
        state.isEstablished = false;
      } else if (state.isEstablished) {
        this.#violated("a way that works is not lost", `${name}: ${way.reason}`);
      } else if (
        this.#isReadyFor(fromIndex) &&
        this.#isReadyFor(toIndex) &&
        this.#mayKnowOffers(fromIndex, toIndex) &&
        this.#mayKnowOffers(toIndex, fromIndex)
      ) {
        this.#violated("ready means reachable", `${name}: ${way.reason}`);
      }
    }
  }

  /** Why packets between the two may be lost at present; null when there is no reason. */
  #excuse(from: number, to: number, family: Family, state: PairState, way: Walk): string | null {
    const { disturbances, time, hosts } = this.#cluster;
    const network = this.#cluster.networkOf(family);
    for (const index of [from, to]) {
      const host = hosts[index];
      if (host === undefined || disturbances.isDisturbed(index)) return "a host is disturbed";
      const podSubnet = host.podSubnetOf(family);
      if (podSubnet === null) return "there are no pods";
      if (network === null || !isInside(network, podSubnet))
        return "the operator has to restart it for the new network";
      const lease = this.leaseOf(host);
      const isOther = lease?.subnets[family] !== podSubnet || lease.publicIps[family] !== host.ipOf(family);
      if (lease === null || isOther) return "the lease in the store is another";
      // Whoever publishes an address first has it: nodes cannot tell that the host has it since.
      const ip = lease.publicIps[family] ?? "";
      if (this.#publishers.get(ip)?.[0] !== lease.key)
        return "another lease published its address before it had it";
      const handedOnMs = this.#handedOnMs.get(ip) ?? Number.NEGATIVE_INFINITY;
      if (time.nowMs < disturbances.unknownUntilMs(index === from ? to : from, handedOnMs))
        return "a peer cannot know that the other lease has gone";
      if (this.#leases.filter(({ identity }) => identity?.hostName === host.name).length > 1)
        return "the host came back as another node than its pods are of";
      // Both may have turned to it in the moment in which one is killed.
      const isUdp = [way.carriage, state.carriage].includes("udp") || this.#preferUdp(from, to);
      if (isUdp && (!this.#knownOf(index).wasReady || !host.isRunning || host.daemon?.life.isPaused))
        return "the data plane in userspace does not run";
      // It is opened anew, also where one family alone has another address.
      if (isUdp && time.nowMs < disturbances.unknownUntilMs(index, this.#knownOf(index).placedAtMs))
        return "the data plane in userspace follows a change of address";
    }
    if (!way.arrives && way.reason.includes("has the MAC") && this.#isMacNamedBefore(to))
      return "it replaces a MAC that an older lease names";
    const { nowMs } = time;
    const isKnown = (to: number, from: number) =>
      nowMs >= disturbances.unknownUntilMs(to, this.#knownOf(from).changedAtMs);
    if (!isKnown(from, to) || !isKnown(to, from)) return "a change of a lease is on its way";
    const isStartKnown = (to: number, from: number) =>
      nowMs >= disturbances.unknownUntilMs(to, disturbances.coldReadyAtMs(from));
    if (!isStartKnown(from, to) || !isStartKnown(to, from)) return "a peer cannot know what it offers anew";
    // Direct routing is not agreed upon: one end alone turns it on, so the other one has to hear of it.
    const isDirectKnown = (to: number, from: number) =>
      nowMs >= disturbances.blindUntilMs(to, this.#knownOf(from).directChangedAtMs);
    if (!isDirectKnown(from, to) || !isDirectKnown(to, from)) return "a peer cannot know of direct routes";
    // Nodes follow what the store says until the owner of a lease notices that it is an old one.
    const { rewoundAtMs } = this.#cluster;
    if ([from, to].some((index) => nowMs < disturbances.unknownUntilMs(index, rewoundAtMs)))
      return "the store was rewound";
    // Each has the last configuration that it has read itself and accepts.
    const { configuredAtMs } = this.#cluster;
    const mayDiffer = [from, to].some((index) => nowMs < disturbances.unknownUntilMs(index, configuredAtMs));
    if (mayDiffer && !this.#haveCommonBackend(from, to))
      return "the configuration in the store is refused, and both have read different ones before";
    if (nowMs < disturbances.blindForUntilMs(from, this.#knownOf(to).withdrewAtMs, WITHDRAWAL_MS))
      return "it has not heard of a change for longer than the peer receives on the old backend";
    // A strict check accepts a path that the node does not use only where it knows that the peer may use it.
    const isReversePath = !way.arrives && way.reason.includes("reverse path");
    const isLate = disturbances.isLate(from) || disturbances.isLate(to);
    return isReversePath && isLate ? "a strict reverse path, and news later than both ends wait" : null;
  }

  #preferUdp(from: number, to: number): boolean {
    return [from, to].every((index) => this.#knownOf(index).lease?.offers[0]?.type === "udp");
  }

  /** Nodes that start send the frames for a MAC to the older lease, so the younger one's node takes another. */
  #isMacNamedBefore(index: number): boolean {
    const own = this.#knownOf(index).lease;
    if (own === null) return false;
    const macs = new Set(macsOf(own));
    return this.#leases.some((lease) => byAge(lease, own) < 0 && macsOf(lease).some((mac) => macs.has(mac)));
  }

  #haveCommonBackend(one: number, other: number): boolean {
    const { offered } = this.#knownOf(other);
    return [...this.#knownOf(one).offered].some((each) => offered.has(each));
  }

  /** Two hosts that have not reached each other yet begin when each has read what the other offers. */
  #mayKnowOffers(to: number, from: number): boolean {
    const { disturbances, time } = this.#cluster;
    return time.nowMs >= disturbances.unknownUntilMs(to, this.#knownOf(from).offeredAtMs);
  }

  #isReadyFor(index: number): boolean {
    const { readySinceMs } = this.#knownOf(index);
    return readySinceMs !== null && this.#cluster.time.nowMs - readySinceMs >= CATCH_UP_MS;
  }

  #judgeHost(host: SimulatedHost, index: number): void {
    const { disturbances, networkPrefix } = this.#cluster;
    this.checks += 1;
    for (const reason of this.#cluster.foreignOn(host).touched())
      this.#violated("nothing foreign is touched", `${host.name}: ${reason}`);
    for (const dst of routesBeyond(host, ALL_NETWORKS))
      this.#violated("routes stay within the network", `${host.name}: ${dst}`);
    if (host.sleepers > SLEEPERS) this.#violated("timers are bounded", `${host.name}: ${host.sleepers}`);
    if (disturbances.isDisturbed(index)) return;
    const known = this.#knownOf(index);
    if (known.waysVersion !== host.version || known.waysNetwork !== networkPrefix)
      Object.assign(known, {
        ways: waysOf(this.#programmedOn(host)),
        waysVersion: host.version,
        waysNetwork: networkPrefix,
      });
    // Others damaged it while no daemon ran: the next one repairs it when it has read the store, and is ready then.
    const isRepaired = this.#isReadyFor(index);
    const counts = ({ leased }: Way) => isRepaired || this.#present.has(leased) || this.#goneMs.has(leased);
    for (const way of known.ways) {
      if (!counts(way)) continue;
      this.checks += 1;
      const rival = way.overlapping.find((each) => counts(each) && this.#nodeAt(each) !== this.#nodeAt(way));
      if (rival !== undefined)
        this.#violated(
          "no prefix of two nodes",
          `${host.name}: ${way.dst} at ${way.end} and at ${rival.end}`,
        );
      if (this.#present.has(way.leased)) continue;
      const seenMs = this.#goneMs.get(way.leased);
      if (seenMs === undefined || this.#cluster.time.nowMs > disturbances.unknownUntilMs(index, seenMs))
        this.#violated("what is programmed is leased", `${host.name}: ${way.dst} at ${way.end}`);
    }
    this.#judgeFilter(host, index);
  }

  /** Nobody else may send in the name of a node's pods. */
  #judgeFilter(host: SimulatedHost, index: number): void {
    const { vxlan = null, ipip = null } = host.firewall.filter ?? {};
    const senders = [...(vxlan?.senders ?? []), ...(ipip?.senders ?? [])];
    for (const { other, otherIndex, family } of this.#others) {
      const podSubnet = other.podSubnetOf(family);
      if (podSubnet === null) continue;
      this.checks += 1;
      const ip = other.ipOf(family);
      const forger = senders.find(({ inner, outer }) => outer !== ip && areOverlapping(inner, podSubnet));
      if (forger !== undefined && this.#excuse(index, otherIndex, family, NO_PAIR, NO_WALK) === null)
        this.#violated(
          "only a node sends for its pods",
          `${host.name}: ${forger.inner} from ${forger.outer}`,
        );
    }
  }

  #programmedOn(host: SimulatedHost): readonly Programmed[] {
    return FAMILIES.flatMap((family) => {
      const network = this.#cluster.networkOf(family);
      return network === null ? [] : programmedOf(host, network);
    });
  }

  #knownOf(index: number): Known {
    const known = this.#known[index];
    if (known === undefined) throw new RangeError(`there is no host ${index}`);
    return known;
  }

  #violated(invariant: string, reason: string): void {
    if (this.violations.length === 0) this.onFirst();
    this.violations.push({ invariant, reason, atMs: this.#cluster.time.nowMs });
  }
}

const NO_WALK: Walk = { arrives: false, carriage: null, reason: "" };
const NO_PAIR: PairState = { isEstablished: false, carriage: null, way: NO_WALK, version: -1 };

function waysOf(programmed: readonly Programmed[]): readonly Way[] {
  const ways: Way[] = [];
  for (const each of programmed) {
    const overlapping = ways.filter(({ dst }) => areOverlapping(dst, each.dst));
    ways.push({ ...each, leased: `${each.dst} ${each.end}`, overlapping });
  }
  return ways;
}

function nodeOf(lease: Lease, store: StoreKind): string {
  if (store === "kubernetes") return lease.key;
  return lease.identity?.machineId ?? lease.identity?.hostName ?? String(lease.publicIps.v4);
}

function endsOf({ subnets, publicIps }: Lease): readonly string[] {
  const v4 = `${subnets.v4} ${publicIps.v4}`;
  return subnets.v6 === null ? [v4] : [v4, `${subnets.v6} ${publicIps.v6}`];
}

function nameOf(from: SimulatedHost, to: SimulatedHost, family: Family): string {
  return `${from.name} to ${to.name}${family === "v6" ? " by IPv6" : ""}`;
}

/** What peers have to know to reach the node, besides its backends: those change without loss. */
function identityOf(lease: Lease | null): string {
  if (lease === null) return "";
  const { key, publicIps, sourceIps, subnets, offers } = lease;
  const macOf = (family: Family) => vtepMacs(offers, family)[0] ?? "";
  const ends = FAMILIES.map(
    (family) => `${subnets[family]} ${publicIps[family]} ${sourceIps?.[family] ?? ""}`,
  );
  return `${key} ${ends.join(" ")} mac ${FAMILIES.map(macOf).join(" ").trim()}`;
}

function macsOf({ offers }: Lease): readonly string[] {
  return FAMILIES.flatMap((family) => vtepMacs(offers, family));
}

function vtepMacs(offers: Lease["offers"], family: Family): readonly string[] {
  return offers.flatMap(({ data: { [family]: data } }) =>
    typeof data === "object" && data !== null && "VtepMAC" in data ? [String(data.VtepMAC)] : [],
  );
}

/** A MAC that comes or goes with a backend changes nothing for those that do not use it yet. */
function isSamePlace(one: string, other: string): boolean {
  const [place, mac] = one.split(" mac ");
  const [otherPlace, otherMac] = other.split(" mac ");
  return place === otherPlace && (mac === otherMac || mac === "" || otherMac === "");
}

function offeredBy(lease: Lease | null): ReadonlySet<string> {
  const offers = lease?.offers ?? [];
  return new Set(
    offers.map(({ type, data: { v4 } }) => {
      const vni = typeof v4 === "object" && v4 !== null && "VNI" in v4 ? v4.VNI : "";
      return `${type} ${vni}`;
    }),
  );
}

function directBackends({ offers }: Lease): string {
  const isDirect = ({ data: { v4 } }: Lease["offers"][number]) =>
    typeof v4 === "object" && v4 !== null && "DirectRouting" in v4;
  return offers
    .filter(isDirect)
    .map(({ type }) => type)
    .join();
}

function describe(way: Walk): string {
  return way.arrives ? `by ${way.carriage}` : way.reason;
}
