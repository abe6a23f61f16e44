import type { Backend, Endpoint, LocalHost, LocalNode, Peer } from "../../backends/backend.ts";
import type { Forwarding } from "../../backends/dataplane.ts";
import { backendOfType } from "../../backends/registry.ts";
import type { NetworkConfig } from "../config/network-config.ts";
import type { KernelState } from "../kernel/state.ts";
import type { BackendData } from "../lease/lease.ts";
import { type DualStack, FAMILIES, type Family, type Mac } from "../net/index.ts";

/** A backend together with its options from the network configuration. */
export interface ActiveBackend {
  readonly type: string;
  readonly devices: DualStack<string>;
  publishedMacs(data: BackendData): DualStack<Mac>;
  endpoint(host: LocalHost): Endpoint;
  plan(node: LocalNode, peers: readonly Peer[]): KernelState;
  /** null for a backend whose packets the kernel carries. */
  forwarding(node: LocalNode, peers: readonly Peer[]): Forwarding | null;
}

/** @throws TweedError `invalid-config` that names the key of `Backend` */
export function activateBackend(config: NetworkConfig): ActiveBackend {
  return bind(backendOfType(config.backend.type), config);
}

function bind<Options>(backend: Backend<Options>, config: NetworkConfig): ActiveBackend {
  const options = backend.parse(config.backend.options, enabledFamilies(config));
  return {
    type: backend.type,
    devices: backend.devices(options),
    publishedMacs: (data) => backend.publishedMacs(data),
    endpoint: (host) => backend.endpoint(host, options),
    plan: (node, peers) => backend.plan(node, options, peers),
    forwarding: (node, peers) => backend.forwarding?.(node, options, peers) ?? null,
  };
}

export function enabledFamilies(config: NetworkConfig): Family[] {
  return FAMILIES.filter((family) => config[family] !== null);
}
