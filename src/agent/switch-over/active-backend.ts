import type { Backend, Endpoint, LocalHost, LocalNode, Peer } from "../../../backends/backend.ts";
import { backendOfType } from "../../../backends/registry.ts";
import type { NetworkConfig } from "../../config/network-config.ts";
import type { KernelState } from "../../kernel/state.ts";
import type { BackendData, BackendOffer, LeaseContent } from "../../lease/lease.ts";
import { type DualStack, FAMILIES, type Family, type Mac } from "../../net/index.ts";
import { TweedError } from "../../runtime/error.ts";
import type { JsonObject } from "../../runtime/json.ts";

/** A backend together with its options from the network configuration. */
export interface ActiveBackend {
  readonly type: string;
  /** What peers have to share with it, see {@link Backend.channel}. */
  readonly channel: string;
  /** The `Backend` object that it was made from. */
  readonly options: JsonObject;
  isOnChannel(data: BackendData): boolean;
  publishedChannel(data: BackendData): string;
  readonly arrivesBare: boolean;
  readonly devices: DualStack<string>;
  publishedMacs(data: BackendData): DualStack<Mac>;
  endpoint(host: LocalHost): Endpoint;
  carrierMtuBytes(host: LocalHost, family: Family): number;
  plan(node: LocalNode, peers: readonly Peer[]): KernelState;
  /** null for a backend that needs nothing beyond kernel objects. */
  effect(node: LocalNode, peers: readonly Peer[]): unknown;
}

/** @throws TweedError `invalid-config` that names the key of `Backend` */
export function activateBackend(config: NetworkConfig): ActiveBackend {
  return bind(backendOfType(config.backend.type), config);
}

function bind<Options>(backend: Backend<Options>, config: NetworkConfig): ActiveBackend {
  const options = backend.parse(config.backend.options, enabledFamilies(config));
  return {
    type: backend.type,
    channel: backend.channel(options),
    options: config.backend.options,
    isOnChannel: (data) => backend.isOnChannel(options, data),
    publishedChannel: (data) => backend.publishedChannel(data),
    arrivesBare: backend.arrivesBare(options),
    devices: backend.devices(options),
    publishedMacs: (data) => backend.publishedMacs(data),
    endpoint: (host) => backend.endpoint(host, options),
    carrierMtuBytes: (host, family) => backend.carrierMtuBytes(host, options, family),
    plan: (node, peers) => backend.plan(node, options, peers),
    effect: (node, peers) => backend.effect?.(node, options, peers) ?? null,
  };
}

export function enabledFamilies(config: NetworkConfig): Family[] {
  return FAMILIES.filter((family) => config[family] !== null);
}

/** Whether a node that published this can be sent to by the backend. */
export function isOffered(backend: ActiveBackend, { offers }: Pick<LeaseContent, "offers">): boolean {
  return offers.some((offer) => offer.type === backend.type && backend.isOnChannel(offer.data));
}

/** Whether it can work on this host, whose addresses and MTU may change. */
export function isSuitable(backend: ActiveBackend, host: LocalHost): boolean {
  try {
    backend.endpoint(host);
    return true;
  } catch (error) {
    if (error instanceof TweedError) return false;
    throw error;
  }
}

/**
 * What the node publishes for these backends.
 * @throws TweedError `unsuitable-host`
 */
export function offersOf(
  backends: readonly ActiveBackend[],
  host: LocalHost,
): readonly [BackendOffer, ...BackendOffer[]] {
  const [preferred, ...others] = backends;
  if (preferred === undefined) throw new RangeError("a node has at least one backend");
  const offerOf = (backend: ActiveBackend) => ({ type: backend.type, data: backend.endpoint(host).data });
  return [offerOf(preferred), ...others.map(offerOf)];
}
