/**
 * A backend is a pure function from leases to a plan. It holds no socket, no timer and no state: given the same node,
 * options and peers it returns the same plan, and the reconciler and its effector do the rest. How to add one is told in
 * ARCHITECTURE.md.
 */
import type { TunnelOrigin } from "../src/kernel/firewall/packet-origins.ts";
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
  Prefix,
} from "../src/net/index.ts";
import type { JsonObject, JsonValue } from "../src/runtime/json.ts";
import type { Secret } from "../src/runtime/secret.ts";
import type { Identities, IdentityNeed } from "./identity.ts";

/**
 * `Options` are what it makes of the configuration, `Data` what it makes of a peer's data in one family, `Effect` what
 * it needs beyond kernel objects.
 */
export interface Backend<Options = unknown, Data extends object = object, Effect = unknown> {
  readonly type: string;

  /** The keys of the `Backend` object beside `Type` that have a meaning. */
  readonly optionKeys: readonly string[];

  /** What the agent is to make and keep for it, in `identities` of the host. */
  readonly identities: readonly IdentityNeed<Options, Data>[];

  /**
   * Validates the `Backend` object of the configuration and fills in defaults.
   * @throws TweedError `invalid-config` that names the key
   */
  parseOptions(raw: JsonObject, families: readonly Family[]): Options;

  /**
   * Names what a peer has to share to be reached by these options: two nodes with the same channel understand each
   * other. Options that both ends need not agree on are no part of it.
   */
  channel(options: Options): string;

  /** Why it cannot work on this host, and what to do; null when it can. */
  refuseHost(host: LocalHost, options: Options): string | null;

  /** What peers are told of this node, and what is left of the MTU. */
  publish(host: LocalHost, options: Options): Published;

  /** Reads what a peer published for one family, which may be anything; a text says why it is refused. */
  parseData(json: JsonValue, family: Family): Data | string;

  /** Whether a peer with this data is on the channel of these options. */
  isOnChannel(data: Data, options: Options): boolean;

  /** The channel that the data names, for a person to compare with {@link channel}. */
  channelOf(data: Data): string;

  /**
   * Why `peer` cannot be reached from this node, or null. It has one family; addresses and underlay count too. What is
   * refused here gets no objects in the kernel, so it cannot fail there.
   */
  refuse(node: LocalNode, peer: Peer<Data>): string | null;

  /** What of the data of one family no two nodes may publish. */
  conflictKeys(data: Data): readonly ConflictKey[];

  /** The whole of what this backend wants. */
  plan(node: LocalNode, options: Options, peers: PlannedPeers<Data>): BackendPlan<Effect>;
}

/** For a backend whose peers have nothing to publish. */
export type NoData = Readonly<Record<string, never>>;
export const NO_DATA: NoData = {};

export interface Published {
  readonly data: BackendData;
  /** What pods of either family get. */
  readonly podMtuBytes: number;
  /** What is left of the interface's MTU for packets of pods of each family, whatever pods are told. */
  readonly carrierMtuBytes: Readonly<Record<Family, number>>;
}

export interface PlannedPeers<Data = unknown> {
  /** This backend carries the packets to them. */
  readonly carried: readonly Peer<Data>[];
  /** They accept this backend too, and may turn to it at any time. */
  readonly standby: readonly Peer<Data>[];
  /** Every accepted peer, whatever it offers: an end that learns late of a change still sends the former way. */
  readonly senders: readonly Sender[];
}

export const NO_PEERS: PlannedPeers<never> = { carried: [], standby: [], senders: [] };

export interface BackendPlan<Effect = unknown> {
  /** Devices of this node, and the paths of the carried peers. */
  readonly state: KernelState;
  /** The paths of the peers on standby: all of it but the routes is made, so that to turn takes one step. */
  readonly standby: KernelState;
  readonly origins: BackendOrigins;
  /** Plain data for the effector; null where kernel objects are all that is needed. */
  readonly effect: WithoutSecrets<Effect> | null;
}

/** How packets of peers arrive. */
export interface BackendOrigins {
  /** Whether they may come over the underlay as they are, without a tunnel. */
  readonly arrivesBare: boolean;
  /** Tunnels of which the packet filter checks who sends. */
  readonly tunnels: readonly TunnelOrigin[];
}

/** Plans are logged and compared: where a secret is put into one the type becomes `never`, and the compiler refuses it. */
export type WithoutSecrets<Type> = Type extends Secret
  ? never
  : Type extends string
    ? // Addresses are branded texts, which extend `object` too.
      Type
    : Type extends object
      ? { readonly [Key in keyof Type]: WithoutSecrets<Type[Key]> }
      : Type;

/** The machine, before it holds a lease. */
export interface LocalHost {
  /** The underlay interface. */
  readonly iface: { readonly name: string; readonly mtuBytes: number; readonly ips: DualIp };
  /** What peers are told; differs from the interface's address behind NAT. */
  readonly publicIps: DualIp;
  /** Further addresses on the interface's link that no peer has: others of this host, and broadcast addresses. */
  readonly nonPeerIps?: readonly Ip[];
  readonly networks: DualStack<Ipv4Prefix, Ipv6Prefix>;
  readonly identities: Identities;
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
export interface Sender {
  readonly key: string;
  readonly subnets: DualPrefix;
  readonly publicIps: DualIp;
  /** Further addresses that its packets come from; other nodes may have them as well. */
  readonly sourceIps?: DualIp;
}

/** One as a backend that it offers knows it. */
export interface Peer<Data = unknown> extends Sender {
  readonly data: Readonly<Record<Family, Data | null>>;
}
