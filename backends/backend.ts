/**
 * A backend is a pure function from leases to a plan. It holds no socket, no timer and no state: given the same node,
 * options and peers it returns the same plan. The reconciler and the backend's effector apply it. ARCHITECTURE.md says
 * how to add one.
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
import type { PeerMemory } from "./peer-memory.ts";

/**
 * `Options`: the parsed configuration. `Data`: a peer's parsed data in one family. `Effect`: what it needs beyond
 * kernel objects.
 */
export interface Backend<Options = unknown, Data extends object = object, Effect = unknown> {
  readonly type: string;

  /** The known keys of the `Backend` object beside `Type`. */
  readonly optionKeys: readonly string[];

  /** The identities that the agent creates and stores for it; see `identities` of {@link LocalHost}. */
  readonly identities: readonly IdentityNeed<Options, Data>[];

  /**
   * Validates the `Backend` object of the configuration and fills in defaults.
   * @throws TweedError `invalid-config` that names the key
   */
  parseOptions(raw: JsonObject, families: readonly Family[]): Options;

  /**
   * Names the options that both ends must agree on: two nodes with the same channel can exchange packets. Other options
   * are not part of it.
   */
  channel(options: Options): string;

  /** Why this host cannot run it, and the fix; null when it can. */
  refuseHost(host: LocalHost, options: Options): string | null;

  /** What this node publishes to peers, and the MTU that is left for pods. */
  publish(host: LocalHost, options: Options): Published;

  /** Parses a peer's data of one family. It is untrusted; a text gives the reason why it is refused. */
  parseData(json: JsonValue, family: Family): Data | string;

  /** Whether a peer with this data is on the channel of these options. */
  isOnChannel(data: Data, options: Options): boolean;

  /** The channel in the data, to compare with {@link channel} in a message. */
  channelOf(data: Data): string;

  /**
   * Why this node cannot reach `peer`, or null. The peer has one family; addresses and underlay count too. A refused
   * peer gets no kernel objects, so it cannot fail there.
   */
  refuse(node: LocalNode, peer: Peer<Data>): string | null;

  /** The values in the data of one family that must be unique in the cluster. */
  conflictKeys(data: Data): readonly ConflictKey[];

  /** The complete desired state of this backend. */
  plan(node: LocalNode, options: Options, peers: PlannedPeers<Data>): BackendPlan<Effect>;
}

/** For a backend whose peers publish no data. */
export type NoData = Readonly<Record<string, never>>;
export const NO_DATA: NoData = {};

export interface Published {
  readonly data: BackendData;
  /** MTU of pods, for both families. */
  readonly podMtuBytes: number;
  /** What the interface's MTU leaves for an inner packet of each family, whatever MTU pods have. */
  readonly carrierMtuBytes: Readonly<Record<Family, number>>;
}

export interface PlannedPeers<Data = unknown> {
  /** Peers that this backend sends to. */
  readonly carried: readonly Peer<Data>[];
  /** Peers that accept this backend too, and may switch to it at any time. */
  readonly standby: readonly Peer<Data>[];
  /**
   * Every accepted peer, whatever it offers: a peer that has not seen a change yet still sends by its former backend.
   */
  readonly senders: readonly Sender[];
  /** From the last plans of this backend for this node and these options; absent for a first plan. */
  readonly memory?: PeerMemory;
}

export const NO_PEERS: PlannedPeers<never> = { carried: [], standby: [], senders: [] };

export interface BackendPlan<Effect = unknown> {
  /** Devices of this node, and the paths to the carried peers. */
  readonly state: KernelState;
  /** The paths to the peers on standby. All of it but the routes is applied, so a switch takes one step. */
  readonly standby: KernelState;
  readonly origins: BackendOrigins;
  /** Plain data for the effector; null where kernel objects are all that is needed. */
  readonly effect: WithoutSecrets<Effect> | null;
}

/** How packets from peers arrive. */
export interface BackendOrigins {
  /** Whether they may arrive over the underlay without encapsulation. */
  readonly arrivesBare: boolean;
  /** Tunnels whose senders the packet filter checks. */
  readonly tunnels: readonly TunnelOrigin[];
}

/** Plans are logged and compared: a secret in one makes the type `never`, so it does not compile. */
export type WithoutSecrets<Type> = Type extends Secret
  ? never
  : Type extends string
    ? // Addresses are branded strings, which extend `object` too.
      Type
    : Type extends object
      ? { readonly [Key in keyof Type]: WithoutSecrets<Type[Key]> }
      : Type;

/** The machine, before it holds a lease. */
export interface LocalHost {
  /** The underlay interface. */
  readonly iface: { readonly name: string; readonly mtuBytes: number; readonly ips: DualIp };
  /** The published addresses; behind NAT they differ from the interface's. */
  readonly publicIps: DualIp;
  /** Further addresses on the interface's link that no peer has: others of this host, and broadcast addresses. */
  readonly nonPeerIps?: readonly Ip[];
  readonly networks: DualStack<Ipv4Prefix, Ipv6Prefix>;
  readonly identities: Identities;
  /** Routes of the underlay, to determine which peers are on the same link. */
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
  /** The interface has no link-layer addresses, as WireGuard's: no host on it can be a gateway for pods. */
  readonly isLayer3?: true;
}

/** Another node, its lease accepted. A family that either side lacks is null throughout. */
export interface Sender {
  readonly key: string;
  readonly subnets: DualPrefix;
  readonly publicIps: DualIp;
  /** Further source addresses of its packets; other nodes may have them as well. */
  readonly sourceIps?: DualIp;
}

/** A sender with its data for one of the backends that it offers. */
export interface Peer<Data = unknown> extends Sender {
  readonly data: Readonly<Record<Family, Data | null>>;
}
