import type { Ipv4, Ipv4Prefix, Ipv6, Ipv6Prefix } from "../net/index.ts";
import type { JsonObject } from "../runtime/json.ts";

/** One family's address plan: the network, and which subnets of it may be leased. */
export interface AddressPlan<P, A> {
  readonly network: P;
  readonly subnetLength: number;
  /** Network address of the first subnet that may be leased. */
  readonly subnetMin: A;
  /** Network address of the last subnet that may be leased. */
  readonly subnetMax: A;
}

/** The validated network configuration (net-conf.json, `<prefix>/config`), defaults filled in. */
export interface NetworkConfig {
  /** At least one family is present. */
  readonly v4: AddressPlan<Ipv4Prefix, Ipv4> | null;
  readonly v6: AddressPlan<Ipv6Prefix, Ipv6> | null;
  readonly enableNftables: boolean;
  readonly backend: {
    /** Lower case. */
    readonly type: string;
    /** The `Backend` object as written; its backend reads it. */
    readonly options: JsonObject;
  };
}
