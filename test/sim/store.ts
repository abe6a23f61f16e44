/** A lease store of the simulated cluster: a server in this process, and the real client of each daemon on it. */
import type { Lease } from "../../src/lease/lease.ts";
import type { LeaseStore } from "../../src/lease/store.ts";
import type { Ipv4, Ipv4Prefix, Ipv6, Ipv6Prefix } from "../../src/net/index.ts";
import type { Clock } from "../../src/runtime/clock.ts";
import type { Files } from "../../src/runtime/files.ts";
import type { Log } from "../../src/runtime/log.ts";
import type { Random } from "../../src/runtime/random.ts";
import type { SimulatedTime } from "../support/simulated-time.ts";
import type { Life } from "./life.ts";

export type StoreKind = "etcd" | "kubernetes" | "file";

/** What the constructor of a store takes. */
export interface StoreWorld {
  readonly time: SimulatedTime;
  /** Decides the delays and choices of the server. */
  readonly random: Random;
  /** Network of a second family; null or absent without IPv6. */
  readonly network6?: Ipv6Prefix | null;
}

/** The parts of one run of a daemon that its store uses. */
export interface StoreHost {
  /** Of the node; stable across restarts and reboots. */
  readonly name: string;
  readonly ip: Ipv4;
  /** null for a host without IPv6. */
  readonly ip6?: Ipv6 | null;
  readonly clock: Clock;
  readonly random: Random;
  readonly files: Files;
  readonly log: Log;
  /**
   * This run. Await `life.step()` before each request, deliver answers and events through `life.result` and
   * `life.guarded`, and close the connection in `life.onEnd`: a request that has left still takes effect.
   */
  readonly life: Life;
}

/** All faults take effect at once and last until they are reversed, or until {@link SimulatedStore.heal}. */
export interface SimulatedStore {
  readonly kind: StoreKind;
  /** Opens the real store of one daemon through its seam; called at each start of the daemon. */
  open(host: StoreHost): Promise<LeaseStore>;
  /**
   * The contents, without expired leases, as a daemon's snapshot would have them; of hostile authors too. The same array
   * as long as they are the same.
   */
  leases(): readonly Lease[];
  /** Expired leases that it still lists. */
  expired?(): readonly Lease[];
  configure(text: string): void;
  /** Assigns subnets of this network from now on, in a store that assigns them: nodes with others get new ones. */
  renumber?(network: Ipv4Prefix, network6?: Ipv6Prefix | null): void;

  /** The server is down: connections break and are refused. */
  setAway(isAway: boolean): void;
  /** Connections stay, and nothing is answered or delivered. */
  hang(isHanging: boolean): void;
  /** This host alone cannot reach the server. */
  partition(host: string, isCut: boolean): void;
  /** This host's watches deliver so much later, in order; 0 ends the delay. */
  delayWatch(host: string, ms: number): void;
  /** This host's watches stay open and deliver nothing. */
  silenceWatch(host: string, isSilent: boolean): void;
  /** All watches end. */
  breakWatches(): void;
  /** The history before now is gone: etcd compaction, 410 in Kubernetes; no effect on files. */
  compact(): void;
  backup(): void;
  /** Whether a daemon holds the lock of all changes, in a store that has one. */
  isLocked?(): boolean;
  /** Rewinds to the last backup, as etcd started from an older data directory; no effect without a backup. */
  restore(): void;
  /** The host has other addresses, and its kubelet reports them. */
  changeAddresses?(host: string, ip: Ipv4, ip6: Ipv6 | null): void;
  /** An operator sets this annotation of the host's Node; null removes it. */
  annotate?(host: string, name: string, text: string | null): void;
  /** Another component makes an object beside the leases that is larger than daemons read, or deletes it. */
  setLargeObject?(isThere: boolean): void;
  /** The server answers part of the requests with errors of its own, as when it is overloaded. */
  refuse?(isRefusing: boolean): void;
  /** Daemons must log in, or read their token, again. */
  rotateCredentials(): void;

  /** Write of a hostile author. */
  putRaw(author: string, write: HostileWrite): void;
  /** Removes everything that this author wrote. */
  removeRaw(author: string): void;
  /** An operator reserves a subnet, as far as the store has reservations. */
  reserve?(key: string, publicIp: Ipv4): void;
  /** An operator deletes a lease. No effect where there is none. */
  releaseLease(key: string): void;
  /** The time to live of this host's lease runs out. */
  expireNow?(host: string): void;

  /** Ends all faults; contents, hostile ones too, stay. */
  heal(): void;
  /** Ends the timers of the server. */
  close?(): void;
}

/** One write in the forms of all stores. */
export interface HostileWrite {
  /** Below `subnets/` in etcd, the name without `.json` in the file store: `10.244.7.0-24`, or any other text. */
  readonly key: string;
  readonly value: string;
  /** In Kubernetes, of the author's own Node. */
  readonly annotations: Readonly<Record<string, string>>;
}
