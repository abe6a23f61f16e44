/** The CNI configuration of this node: the template with the node's subnets, routes and MTU. Pure. */
import { type DualPrefix, FAMILIES } from "../../net/index.ts";
import { Fields } from "../../runtime/fields.ts";
import { isJsonObject, type JsonObject } from "../../runtime/json.ts";
import type { ConflistTemplate } from "./template.ts";

/** The network parameters of pods on this node. */
export interface CniNetwork {
  readonly subnets: DualPrefix;
  readonly mtuBytes: number;
}

/** Runtimes ignore keys that they do not know (libcni, ConfListFromBytes), and `tweed cleanup` looks for this one. */
const MARK = { managedBy: "tweed" } as const;
const EVERYWHERE = { v4: "0.0.0.0/0", v6: "::/0" } as const;

/** Fields of the template are used as they are; the missing ones are filled in. */
export function conflistText(template: ConflistTemplate, network: CniNetwork): string {
  const plugins = [withNetwork(template.interfacePlugin, network), ...template.chained];
  return `${JSON.stringify({ ...template.list, ...MARK, plugins }, null, 2)}\n`;
}

/** True for a file that a daemon of Tweed's wrote, whatever its name. */
export function isOwnConflist(text: string): boolean {
  try {
    const list: unknown = JSON.parse(text);
    return isJsonObject(list) && list.managedBy === MARK.managedBy;
  } catch {
    return false;
  }
}

function withNetwork(plugin: JsonObject, { subnets, mtuBytes }: CniNetwork): JsonObject {
  // flannel's plugin takes all of it from the subnet file.
  if (plugin.type === "flannel") return plugin;
  const fields = new Fields(plugin, "template");
  const ipam = fields.object("ipam") ?? {};
  return {
    ...plugin,
    ...(fields.has("mtu") ? {} : { mtu: mtuBytes }),
    ipam: withAddresses({ type: "host-local", ...ipam }, subnets),
  };
}

/** Only host-local takes subnets: other plugins have another source of addresses. */
function withAddresses(ipam: JsonObject, subnets: DualPrefix): JsonObject {
  if (ipam.type !== "host-local") return ipam;
  const fields = new Fields(ipam, "template");
  const families = FAMILIES.filter((family) => subnets[family] !== null);
  // "subnet" is the older form for a single range.
  const ranges = families.map((family) => [{ subnet: subnets[family] }]);
  const routes = families.map((family) => ({ dst: EVERYWHERE[family] }));
  return {
    ...ipam,
    ...(fields.has("ranges") || fields.has("subnet") ? {} : { ranges }),
    ...(fields.has("routes") ? {} : { routes }),
  };
}
