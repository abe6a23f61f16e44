import type { Ipv4, Ipv4Prefix, Ipv6, Ipv6Prefix } from "../net/index.ts";
import { Fields } from "../runtime/fields.ts";
import type { JsonObject } from "../runtime/json.ts";
import { type AddressPlan, readIpv4Plan, readIpv6Plan, type SubnetSource } from "./address-plan.ts";
import { parseJsonObject } from "./json-object.ts";

/** The validated network configuration (net-conf.json, `<prefix>/config`), with defaults. */
export interface NetworkConfig {
  /** At least one family is present. */
  readonly v4: AddressPlan<Ipv4Prefix, Ipv4> | null;
  readonly v6: AddressPlan<Ipv6Prefix, Ipv6> | null;
  readonly enableNftables: boolean;
  readonly backend: {
    /** Lower case. */
    readonly type: string;
    /** The `Backend` object as written; its backend parses it. */
    readonly options: JsonObject;
  };
}

/**
 * Parses a network configuration in flannel's format and adds the defaults.
 * @param source the source of the text, for errors: "net-conf.json", "/coreos.com/network/config"
 * @throws TweedError `invalid-config`, which names the key, its value and what would be accepted
 */
export function parseNetworkConfig(
  text: string,
  source: string,
  subnets: SubnetSource = "leased",
): NetworkConfig {
  const fields = new Fields(parseJsonObject(text, source, '{"Network": …}'), source);
  const v4 = fields.boolean("EnableIPv4", true) ? readIpv4Plan(fields, subnets) : null;
  const v6 = fields.boolean("EnableIPv6", false) ? readIpv6Plan(fields, subnets) : null;
  if (v4 === null && v6 === null) fields.refuse("EnableIPv4", "true unless EnableIPv6 is");
  return {
    v4,
    v6,
    enableNftables: fields.boolean("EnableNFTables", false),
    backend: readBackend(fields, source),
  };
}

/** As in flannel: without a `Backend` it is udp; one without a type is refused. */
function readBackend(fields: Fields, source: string): NetworkConfig["backend"] {
  const options = fields.object("Backend");
  if (options === null) return { type: "udp", options: {} };
  const backend = new Fields(options, `${source}: Backend`);
  const type = backend.string("Type", "").toLowerCase();
  return type === "" ? backend.refuse("Type", 'the name of a backend such as "vxlan"') : { type, options };
}
