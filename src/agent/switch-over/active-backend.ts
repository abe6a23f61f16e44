import {
  type Backend,
  type BackendPlan,
  type LocalHost,
  type LocalNode,
  NO_PEERS,
  type Peer,
  type PlannedPeers,
  type Published,
} from "../../../backends/backend.ts";
import type { IdentityNeed } from "../../../backends/identity.ts";
import { BACKENDS, backendOfType } from "../../../backends/registry.ts";
import type { NetworkConfig } from "../../config/network-config.ts";
import type { BackendData, BackendOffer, LeaseContent } from "../../lease/lease.ts";
import { FAMILIES, type Family, type Mac } from "../../net/index.ts";
import { TweedError } from "../../runtime/error.ts";
import type { JsonObject } from "../../runtime/json.ts";

/**
 * A backend with its options from the network configuration bound to it. The types of its options and of its peers'
 * data are private to the backend: data that it has parsed is passed back to it here.
 */
export interface ActiveBackend {
  readonly type: string;
  /** Its place in the registry, which breaks ties between backends. */
  readonly rank: number;
  /** What both ends must have in common, see {@link Backend.channel}. */
  readonly channel: string;
  /** The `Backend` object of the configuration. */
  readonly options: JsonObject;
  readonly identities: readonly ExistingIdentity[];
  refuseHost(host: LocalHost): string | null;
  publish(host: LocalHost): Published;
  /** Whether the data of at least one family is valid and on this channel. */
  understands(data: BackendData): boolean;
  isOnChannel(data: Peer["data"]): boolean;
  channelOf(data: Peer["data"]): string;
  plan(node: LocalNode, peers: PlannedPeers): BackendPlan;
}

/** Where to find an existing value of an identity that the backend needs. */
export interface ExistingIdentity extends Pick<IdentityNeed, "kind" | "name"> {
  published(data: BackendData, family: Family): Mac | null;
  device(family: Family): string;
}

/** @throws TweedError `invalid-config` that names the key of `Backend` */
export function activateBackend(
  config: NetworkConfig,
  backends: readonly Backend[] = BACKENDS,
): ActiveBackend {
  const backend = backendOfType(config.backend.type, backends);
  return bind(backend, backends.indexOf(backend), config);
}

function bind<Options, Data extends object, Effect>(
  backend: Backend<Options, Data, Effect>,
  rank: number,
  config: NetworkConfig,
): ActiveBackend {
  const options = backend.parseOptions(config.backend.options, enabledFamilies(config));
  const read = (data: BackendData, family: Family): Data | null => {
    const reading = backend.parseData(data[family], family);
    return typeof reading === "string" ? null : reading;
  };
  return {
    type: backend.type,
    rank,
    channel: backend.channel(options),
    options: config.backend.options,
    identities: backend.identities.map((need) => ({
      kind: need.kind,
      name: need.name,
      published(data, family) {
        const earlier = read(data, family);
        return earlier === null ? null : need.published(earlier);
      },
      device: (family) => need.device(options, family),
    })),
    refuseHost: (host) => backend.refuseHost(host, options),
    publish: (host) => backend.publish(host, options),
    understands: (data) =>
      FAMILIES.some((family) => {
        const reading = read(data, family);
        return reading !== null && backend.isOnChannel(reading, options);
      }),
    isOnChannel: ({ v4, v6 }) =>
      (v4 !== null && backend.isOnChannel(v4 as Data, options)) ||
      (v6 !== null && backend.isOnChannel(v6 as Data, options)),
    channelOf: ({ v4, v6 }) => backend.channelOf((v4 ?? v6) as Data),
    plan: (node, peers) => backend.plan(node, options, peers as PlannedPeers<Data>),
  };
}

export function enabledFamilies(config: NetworkConfig): Family[] {
  return FAMILIES.filter((family) => config[family] !== null);
}

/** Whether the backend can send to a node with this lease. */
export function isOffered(backend: ActiveBackend, { offers }: Pick<LeaseContent, "offers">): boolean {
  return offers.some((offer) => offer.type === backend.type && backend.understands(offer.data));
}

/** Whether the backend can work on this host; addresses and MTU of a host may change. */
export function isSuitable(backend: ActiveBackend, host: LocalHost): boolean {
  return backend.refuseHost(host) === null;
}

/** @throws TweedError `unsuitable-host` */
export function checkHost(backend: ActiveBackend, host: LocalHost): void {
  const reason = backend.refuseHost(host);
  if (reason === null) return;
  throw new TweedError({ code: "unsuitable-host", operation: `set up backend ${backend.type}`, reason });
}

/** The part of its plan that does not depend on peers. */
export function ownPlan(backend: ActiveBackend, node: LocalNode): BackendPlan {
  return backend.plan(node, NO_PEERS);
}

/** What the node publishes for these backends. */
export function offersOf(
  backends: readonly ActiveBackend[],
  host: LocalHost,
): readonly [BackendOffer, ...BackendOffer[]] {
  const [preferred, ...others] = backends;
  if (preferred === undefined) throw new RangeError("a node has at least one backend");
  const offerOf = (backend: ActiveBackend) => ({ type: backend.type, data: backend.publish(host).data });
  return [offerOf(preferred), ...others.map(offerOf)];
}
