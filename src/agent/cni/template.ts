/** The template of the CNI configuration: a list of plugins without the fields that depend on the node. */
import { parseJsonObject } from "../../config/json-object.ts";
import { Fields } from "../../runtime/fields.ts";
import { isJsonObject, type JsonObject } from "../../runtime/json.ts";

/** Only the fields that the daemon relies on are checked; the plugins check the rest. */
export interface ConflistTemplate {
  /** As written. */
  readonly list: JsonObject;
  /** The plugin that makes the pod's interface; the daemon fills in its fields that depend on the node. */
  readonly interfacePlugin: JsonObject;
  /** The plugins that are called after it. */
  readonly chained: readonly JsonObject[];
}

const EXAMPLE = '{"cniVersion": "0.3.1", "name": "cbr0", "plugins": […]}';
/** The CNI specification, "Network configuration format": it becomes part of file names. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
/** Plugin lists exist since version 0.3.0. */
const VERSION = /^(?:0\.[34]|1\.\d+)\.\d+$/;

/**
 * flannel's names for network and bridge: host-local stores its addresses in /var/lib/cni/networks/cbr0, so a node that
 * migrates from flannel gives no pod the address of another. Hairpin mode lets a pod reach itself through a service.
 * The daemon masquerades, not the plugin.
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
    fields.refuse("name", "letters and digits, and after the first also _ . and -, for example cbr0");
  }
  if (!VERSION.test(fields.string("cniVersion", ""))) {
    fields.refuse("cniVersion", "a version of the CNI specification, for example 0.3.1 or 1.0.0");
  }
  const plugins = fields.value("plugins");
  const [interfacePlugin, ...chained] = Array.isArray(plugins)
    ? plugins.map((plugin, index) => checkPlugin(plugin, `${source}: plugins[${index}]`, fields))
    : [];
  if (interfacePlugin === undefined) {
    return fields.refuse("plugins", 'an array of plugins, the first for example {"type": "bridge"}');
  }
  checkIpam(interfacePlugin, `${source}: plugins[0]`);
  return { list, interfacePlugin, chained };
}

function checkPlugin(plugin: unknown, source: string, list: Fields): JsonObject {
  if (!isJsonObject(plugin))
    return list.refuse("plugins", "an array of objects, each with the type of a plugin");
  const fields = new Fields(plugin, source);
  const type = fields.string("type", "");
  // A file name in the runtime's plugin directory.
  if (type === "" || type.includes("/")) fields.refuse("type", "the name of a plugin, for example bridge");
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
