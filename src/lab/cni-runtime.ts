/**
 * The network part of a container runtime: it calls the plugins of a node's CNI configuration in order, each with the
 * result of the one before (CNI specification, sections 2 to 5).
 */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { TweedError } from "../runtime/error.ts";
import type { JsonObject } from "../runtime/json.ts";
import { execute } from "../runtime/program.ts";
import { cniConfFile } from "./daemon.ts";
import { inNamespace } from "./namespaces.ts";
import type { LabNode } from "./topology.ts";

/** The directory of Debian's containernetworking-plugins. */
export const PLUGIN_DIRECTORY = "/usr/lib/cni";
/** The name that every runtime uses. */
const INTERFACE = "eth0";

export interface CniPod {
  /** Unique on the node. */
  readonly name: string;
  /** Must exist; the caller deletes it. */
  readonly namespace: string;
  readonly portMappings?: readonly PortMapping[];
}

/** As in the CNI conventions. */
export interface PortMapping {
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: "tcp" | "udp";
}

/** The last plugin's result, as far as it is used. */
export interface CniResult extends JsonObject {
  readonly ips: readonly (JsonObject & { readonly address: string; readonly gateway: string })[];
}

interface PluginList {
  readonly cniVersion: string;
  readonly name: string;
  readonly plugins: readonly (JsonObject & { readonly type: string })[];
}

/**
 * Gives the pod its interface; where a plugin fails, undoes those before it.
 * @throws TweedError `cni-plugin` with the plugin's message
 */
export async function addToNetwork(node: LabNode, pod: CniPod): Promise<CniResult> {
  const list = await readList(node);
  let result: JsonObject | null = null;
  try {
    for (const plugin of list.plugins) {
      result = JSON.parse(await call("ADD", list, plugin, node, pod, result)) as JsonObject;
    }
  } catch (error) {
    await callInReverse(list, node, pod, null);
    throw error;
  }
  await mkdir(podDirectory(node), { recursive: true });
  await writeFile(resultFile(node, pod), JSON.stringify(result));
  return result as CniResult;
}

/** Removes the interface; the configuration must be unchanged. @throws TweedError `cni-plugin` */
export async function removeFromNetwork(node: LabNode, pod: CniPod): Promise<void> {
  const list = await readList(node);
  await callInReverse(list, node, pod, await readResult(node, pod));
  await rm(resultFile(node, pod));
}

async function callInReverse(
  list: PluginList,
  node: LabNode,
  pod: CniPod,
  result: JsonObject | null,
): Promise<void> {
  for (const plugin of list.plugins.toReversed()) await call("DEL", list, plugin, node, pod, result);
}

/** The result of {@link addToNetwork} for the pod; null where it was not called. */
export async function readResult(node: LabNode, pod: Pick<CniPod, "name">): Promise<CniResult | null> {
  try {
    return JSON.parse(await readFile(resultFile(node, pod), "utf8")) as CniResult;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

async function readList(node: LabNode): Promise<PluginList> {
  return JSON.parse(await readFile(cniConfFile(node), "utf8")) as PluginList;
}

async function call(
  command: "ADD" | "DEL",
  list: PluginList,
  plugin: PluginList["plugins"][number],
  node: LabNode,
  pod: CniPod,
  prevResult: JsonObject | null,
): Promise<string> {
  const { cniVersion, name } = list;
  const config = {
    ...plugin,
    cniVersion,
    name,
    ...(prevResult === null ? {} : { prevResult }),
    ...withOwnState(plugin, node),
    ...withCapabilities(plugin, pod),
  };
  const env = {
    CNI_COMMAND: command,
    CNI_CONTAINERID: pod.name,
    CNI_NETNS: `/run/netns/${pod.namespace}`,
    CNI_IFNAME: INTERFACE,
    CNI_PATH: PLUGIN_DIRECTORY,
    CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=${pod.name}`,
  };
  const program = [join(PLUGIN_DIRECTORY, plugin.type)];
  const input = JSON.stringify(config);
  const { stdout, stderr, exitCode } = await execute("ip", inNamespace(node.namespace, program), {
    input,
    env,
  });
  if (exitCode === 0) return stdout;
  throw new TweedError({
    code: "cni-plugin",
    operation: `${command} pod ${pod.name} on ${node.name} by plugin ${plugin.type}`,
    // A plugin prints its error as JSON on its standard output.
    reason: stdout.trim() || stderr.trim() || `exit code ${exitCode}`,
  });
}

/** All nodes of a lab share one file system, so host-local stores each node's addresses beside its log. */
function withOwnState({ ipam }: JsonObject, node: LabNode): JsonObject {
  return ipam === undefined
    ? {}
    : { ipam: { ...(ipam as JsonObject), dataDir: join(node.directory, "ipam") } };
}

function withCapabilities({ capabilities }: JsonObject, { portMappings = [] }: CniPod): JsonObject {
  const mapsPorts = (capabilities as JsonObject | undefined)?.portMappings === true;
  const mappings = portMappings.map((mapping) => ({ ...mapping }));
  return mapsPorts && mappings.length > 0 ? { runtimeConfig: { portMappings: mappings } } : {};
}

function podDirectory(node: LabNode): string {
  return join(node.directory, "pods");
}

function resultFile(node: LabNode, { name }: Pick<CniPod, "name">): string {
  return join(podDirectory(node), `${name}.json`);
}
