/** What the CNI configuration is made from: a list of plugins in which what depends on the node may be left out. */
import { parseJsonObject } from "../../config/json-object.ts";
import { Fields } from "../../runtime/fields.ts";
import { isJsonObject, type JsonObject } from "../../runtime/json.ts";

/** Checked as far as the daemon has to rely on it; the rest is between its author and the plugins. */
export interface ConflistTemplate {
  /** As written. */
  readonly list: JsonObject;
  /** The plugin that makes the pod's interface; what depends on the node is filled in here. */
  readonly interfacePlugin: JsonObject;
  /** Those that are called after it. */
  readonly chained: readonly JsonObject[];
}

const EXAMPLE = '{"cniVersion": "0.3.1", "name": "cbr0", "plugins": […]}';
/** The CNI specification, "Network configuration format": it becomes part of file names. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
/** Lists of plugins came with 0.3.0. */
const VERSION = /^(?:0\.[34]|1\.\d+)\.\d+$/;

/**
 * flannel's names for network and bridge: host-local keeps addresses in /var/lib/cni/networks/cbr0, so a node that
 * comes from flannel gives no pod the address of another. Hairpin mode lets a pod reach itself through a service.
 * Masquerading is the daemon's business.
 */
export const DEFAULT_TEMPLATE: ConflistTemplate = checkTemplate(
  {
    cniVersion: "0.3.1",
    name: "cbr0",
    plugins: [
      { type: "bridge", bridge: "cni0", isGateway: true, hairpinMode: true, ipMasq: false },
      { type: "portmap", capabilities: { portMappings: true } },
    ],
  },
  "the daemon's own template",
);

/** @throws TweedError `invalid-config`, which names the field, its value and what would be accepted */
export function parseTemplate(text: string, source: string): ConflistTemplate {
  return checkTemplate(parseJsonObject(text, source, EXAMPLE), source);
}

function checkTemplate(list: JsonObject, source: string): ConflistTemplate {
  const fields = new Fields(list, source);
  if (!NAME.test(fields.string("name", ""))) {
    fields.refuse("name", "letters and digits, and behind the first also _ . and -, such as cbr0");
  }
  if (!VERSION.test(fields.string("cniVersion", ""))) {
    fields.refuse("cniVersion", "a version of the CNI specification such as 0.3.1 or 1.0.0");
  }
  const plugins = fields.value("plugins");
  const [interfacePlugin, ...chained] = Array.isArray(plugins)
    ? plugins.map((plugin, index) => checkPlugin(plugin, `${source}: plugins[${index}]`, fields))
    : [];
  if (interfacePlugin === undefined) {
    return fields.refuse("plugins", 'an array of plugins, the first such as {"type": "bridge"}');
  }
  checkIpam(interfacePlugin, `${source}: plugins[0]`);
  return { list, interfacePlugin, chained };
}

function checkPlugin(plugin: unknown, source: string, list: Fields): JsonObject {
  if (!isJsonObject(plugin)) return list.refuse("plugins", "objects in it, each with the type of a plugin");
  const fields = new Fields(plugin, source);
  const type = fields.string("type", "");
  // It is the name of a program in the runtime's directory of plugins.
  if (type === "" || type.includes("/")) fields.refuse("type", "the name of a plugin such as bridge");
  return plugin;
}

function checkIpam(plugin: JsonObject, source: string): void {
  const fields = new Fields(plugin, source);
  fields.integer("mtu", 0, 0, 65_535);
  const ipam = new Fields(fields.object("ipam") ?? {}, `${source}: ipam`);
  ipam.string("type", "");
  for (const key of ["ranges", "routes"]) {
    const value = ipam.value(key);
    if (value !== null && !Array.isArray(value)) ipam.refuse(key, "an array, or nothing for the node's own");
  }
}
