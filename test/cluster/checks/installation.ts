/**
 * Tweed on a cluster, as its users install it: the manifest, the chart's output and the overlays, with the image's name
 * replaced.
 */
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { readHealthPage } from "../../../src/lab/health-page.ts";
import type { StatusDocument } from "../../../src/observe/status-document.ts";
import { messageOf } from "../../../src/runtime/error.ts";
import type { JsonObject } from "../../../src/runtime/json.ts";
import { waitUntil } from "../../smoke/wait-until.ts";
import { readChart, renderChart } from "../../support/helm/chart.ts";
import { kustomize } from "../../support/manifests/kustomize.ts";
import { type KubeObject, parseObjects } from "../../support/manifests/objects.ts";
import { CLUSTER_CIDR } from "../address-plan.ts";
import type { Cluster } from "../cluster.ts";
import type { ClusterNode } from "../node.ts";
import type { Families } from "../options.ts";

export const TWEED_NAMESPACE = "kube-tweed";
const DAEMON_SET = "kube-tweed";
const CONFIG_MAP = "kube-tweed-cfg";
const HEALTH_PORT = 8081;
/** The placeholder name in the files. */
const SHIPPED_IMAGE = /registry\.example\.com\/tweed:[\w.]+/g;

export type Backend = Readonly<Record<string, string | number | boolean>> & { readonly Type: string };

export interface WayToInstall {
  readonly name: string;
  readonly backend: string;
  /** The objects as shipped. */
  render(): Promise<readonly KubeObject[]>;
}

export const MANIFEST: WayToInstall = {
  name: "manifest",
  backend: "vxlan",
  render: async () => parseObjects(await readFile("deploy/kube-tweed.yml", "utf8")),
};

export const WAYS_TO_INSTALL: readonly WayToInstall[] = [
  MANIFEST,
  ...["vxlan", "host-gw", "udp"].map((backend) => ({
    name: `overlay ${backend}`,
    backend,
    render: () => kustomize(pathToFileURL(`deploy/kustomize/overlays/${backend}/`)),
  })),
  ...["vxlan", "host-gw", "udp"].map((backend) => ({
    name: `chart, backend ${backend}`,
    backend,
    render: async () => {
      const chart = await readChart(pathToFileURL("deploy/chart/tweed/"));
      const namespace = MANIFEST.render().then((objects) =>
        objects.filter(({ kind }) => kind === "Namespace"),
      );
      const values = { podCidr: CLUSTER_CIDR.v4, flannel: { backend } };
      const rendered = [...renderChart(chart, TWEED_NAMESPACE, values)];
      const manifests = rendered.filter(([name]) => name.endsWith(".yaml"));
      return [...(await namespace), ...manifests.flatMap(([, text]) => parseObjects(text))];
    },
  })),
];

export interface NetworkConfig {
  readonly families: Families;
  readonly backend: Backend;
}

export function networkConfig({ families, backend }: NetworkConfig): string {
  return JSON.stringify({
    ...(families === "v6" ? { EnableIPv4: false } : { Network: CLUSTER_CIDR.v4 }),
    ...(families === "v4" ? {} : { EnableIPv6: true, IPv6Network: CLUSTER_CIDR.v6 }),
    Backend: backend,
  });
}

/** The applied objects: with the image's name replaced and, unless the cluster is IPv4 only, its networks. */
export function installable(objects: readonly KubeObject[], image: string, config: string | null): string {
  const items = objects.map((object) =>
    object.kind === "ConfigMap" && config !== null
      ? { ...object, data: { "net-conf.json": config } }
      : object,
  );
  return JSON.stringify({ apiVersion: "v1", kind: "List", items }).replaceAll(SHIPPED_IMAGE, image);
}

export async function untilReady(cluster: Cluster, signal: AbortSignal): Promise<void> {
  await waitUntil("roll the daemons out and see all nodes ready", signal, async () => {
    const { status, metadata } = await daemonSet(cluster);
    const wanted = cluster.nodes.length;
    const isNewest = status.observedGeneration === metadata.generation;
    const { updatedNumberScheduled = 0, numberReady = 0 } = status;
    if (!isNewest || updatedNumberScheduled !== wanted || numberReady !== wanted)
      return `${updatedNumberScheduled} of ${wanted} daemons are of the newest kind, ${numberReady} ready`;
    const notReady = (await nodeConditions(cluster)).filter(({ ready }) => !ready);
    return notReady.length === 0 ? null : `${notReady.map(({ name, why }) => `${name}: ${why}`).join("; ")}`;
  });
}

interface DaemonSetObject {
  readonly metadata: { readonly generation: number };
  readonly status: {
    readonly observedGeneration?: number;
    readonly updatedNumberScheduled?: number;
    readonly numberReady?: number;
  };
}

async function daemonSet(cluster: Cluster): Promise<DaemonSetObject> {
  const words = ["get", "daemonset", DAEMON_SET, `--namespace=${TWEED_NAMESPACE}`, "--output=json"];
  return JSON.parse(await cluster.kubectl(words)) as DaemonSetObject;
}

interface NodeObjects {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly status: {
      readonly conditions?: readonly {
        readonly type: string;
        readonly status: string;
        readonly message?: string;
      }[];
    };
  }[];
}

export interface NodeCondition {
  readonly name: string;
  readonly ready: boolean;
  /** Status of NetworkUnavailable, null without that condition. */
  readonly networkUnavailable: string | null;
  readonly why: string;
}

export async function nodeConditions(cluster: Cluster): Promise<NodeCondition[]> {
  const { items } = JSON.parse(await cluster.kubectl(["get", "nodes", "--output=json"])) as NodeObjects;
  return items.map(({ metadata, status }) => {
    const of = (type: string) => status.conditions?.find((condition) => condition.type === type);
    return {
      name: metadata.name,
      ready: of("Ready")?.status === "True",
      networkUnavailable: of("NetworkUnavailable")?.status ?? null,
      why: of("Ready")?.message ?? "it has no condition Ready",
    };
  });
}

/** Status of a node's daemon; a text if it does not answer yet. */
export async function daemonStatus(node: ClusterNode): Promise<StatusDocument | string> {
  try {
    const { status, body } = await readHealthPage(node.netns, HEALTH_PORT, "/status");
    if (status !== 200) return `/status of ${node.name}: ${status} ${body}`;
    return JSON.parse(body) as StatusDocument;
  } catch (error) {
    return messageOf(error);
  }
}

/** Writes only the config map. */
export async function changeConfiguration(cluster: Cluster, config: string): Promise<void> {
  const map: JsonObject = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: CONFIG_MAP, namespace: TWEED_NAMESPACE },
    data: { "net-conf.json": config },
  };
  await cluster.kubectl(["apply", "--server-side", "--force-conflicts", "--filename=-"], JSON.stringify(map));
}

/** Makes each kubelet update the config map in its pod at once; by itself it takes about a minute. */
export async function nudgeKubelets(cluster: Cluster): Promise<void> {
  const selector = "--selector=app.kubernetes.io/name=tweed";
  const words = ["annotate", "pods", `--namespace=${TWEED_NAMESPACE}`, selector, "--overwrite"];
  await cluster.kubectl([...words, `tests.tweed/nudged=${randomUUID()}`]);
}

/** Resolves once each daemon is ready and sends to every peer by this backend. */
export async function untilCarriedBy(cluster: Cluster, backend: string, signal: AbortSignal): Promise<void> {
  await waitUntil(`carry all packets by ${backend}`, signal, async () => {
    for (const node of cluster.nodes) {
      const document = await daemonStatus(node);
      if (typeof document === "string") return document;
      const { ready, reasons, peers } = document;
      const others = peers.filter(({ channel }) => !channel.startsWith(backend));
      if (others.length > 0)
        return `${node.name} sends by ${others.map(({ channel }) => channel).join(", ")}`;
      if (peers.length !== cluster.nodes.length - 1) return `${node.name} knows ${peers.length} peers`;
      if (!ready) return `${node.name}: ${reasons.join("; ")}`;
    }
    return null;
  });
}
