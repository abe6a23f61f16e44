/**
 * A backend is a pure function from leases to kernel state. It holds no socket, no timer and no state: given
 * the same node, options and peers it returns the same plan, and the reconciler does the rest.
 */
import type { KernelState } from "../src/kernel/state.ts";
import type { ConflictKey } from "../src/lease/conflict-key.ts";
import type { BackendData } from "../src/lease/lease.ts";
import type {
  DualIp,
  DualPrefix,
  DualStack,
  Family,
  Ip,
  Ipv4Prefix,
  Ipv6Prefix,
  Mac,
  Prefix,
} from "../src/net/index.ts";
import type { JsonObject, JsonValue } from "../src/runtime/json.ts";

export interface Backend<Options = unknown> {
  readonly type: string;

  /** The keys of the `Backend` object beside `Type` that have a meaning. */
  readonly optionKeys: readonly string[];

  /**
   * Validates the `Backend` object of the configuration and fills in defaults.
   * @throws TweedError `invalid-config` that names the key
   */
  parse(raw: JsonObject, families: readonly Family[]): Options;

  /**
   * Names what a peer has to share to be reached by these options: two nodes with the same channel understand each
   * other. Options that both ends need not agree on are no part of it.
   */
  channel(options: Options): string;

  /** Whether a peer of this type that published `data` is on the channel of these options. */
  isOnChannel(options: Options, data: BackendData): boolean;

  /** The channel that `data` names, for a person to compare with {@link channel}. */
  publishedChannel(data: BackendData): string;

  /** Whether pods' packets may arrive on the underlay as they are, without a tunnel. */
  arrivesBare(options: Options): boolean;

  /** Devices this backend makes with these options; an existing one lends the node its MAC address. */
  devices(options: Options): DualStack<string>;

  /** The MAC addresses in what a node published earlier, so that it can take them up again. */
  publishedMacs(data: BackendData): DualStack<Mac>;

  /**
   * What this node publishes, and the MTU that its pods get.
   * @throws TweedError `unsuitable-host` when this backend cannot work on this host
   */
  endpoint(host: LocalHost, options: Options): Endpoint;

  /** What is left of the interface's MTU for packets of pods of this family, whatever pods are told. */
  carrierMtuBytes(host: LocalHost, options: Options, family: Family): number;

  /** What of the data of one family no two nodes may publish; junk has none. */
  conflictKeys(data: JsonValue): readonly ConflictKey[];

  /**
   * Why `peer` cannot be reached from this node through this backend, or null. It has one family; data, addresses and
   * underlay all count. What is refused here gets no objects in the kernel, so it cannot fail there.
   */
  refuse(node: LocalNode, peer: Peer): string | null;

  /** The whole of what this backend wants of the kernel. */
  plan(node: LocalNode, options: Options, peers: readonly Peer[]): KernelState;

  /** What it needs beyond kernel objects, for its effector; see effector.ts. As pure as `plan`. */
  effect?(node: LocalNode, options: Options, peers: readonly Peer[]): unknown;
}

export interface Endpoint {
  readonly data: BackendData;
  readonly mtuBytes: number;
}

/** The machine, before it holds a lease. */
export interface LocalHost {
  /** The underlay interface. */
  readonly iface: { readonly name: string; readonly mtuBytes: number; readonly ips: DualIp };
  /** What peers are told; differs from the interface's address behind NAT. */
  readonly publicIps: DualIp;
  /** Further addresses on the interface's link that no peer has: others of this host, and broadcast addresses. */
  readonly nobodysIps?: readonly Ip[];
  readonly networks: DualStack<Ipv4Prefix, Ipv6Prefix>;
  /** MAC address of this node's tunnel device of each family. */
  readonly macs: Readonly<Record<Family, Mac>>;
  /** Routes of the underlay, to tell which peers are on the same link. */
  readonly underlay: readonly UnderlayRoute[];
}

export interface LocalNode extends LocalHost {
  readonly subnets: DualPrefix;
}

export interface UnderlayRoute {
  readonly dst: Prefix;
  readonly via: Ip | null;
  readonly iface: string;
  readonly metric: number;
  /** The interface has no Ethernet addresses, such as WireGuard's: nobody on it is a gateway for pods. */
  readonly isLayer3?: true;
}

/** Another node, its lease accepted. A family that either side lacks is null throughout. */
export interface Peer {
  readonly key: string;
  readonly subnets: DualPrefix;
  readonly publicIps: DualIp;
  /** Further addresses that its packets come from; other nodes may have them as well. */
  readonly sourceIps?: DualIp;
  readonly data: BackendData;
}
