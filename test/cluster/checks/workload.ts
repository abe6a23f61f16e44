/** The target of the checks: a web server on each node, behind services of each kind. */
import { type Ip, tryParseIp } from "../../../src/net/index.ts";
import { waitUntil } from "../../smoke/wait-until.ts";
import type { Cluster } from "../cluster.ts";
import type { Families } from "../options.ts";
import type { ClusterPod } from "../pods.ts";

export const NAMESPACE = "default";
/** Port of the web server in each pod. */
export const WEB_PORT = 8080;
/** Port of each service. */
export const SERVICE_PORT = 80;

/** One service of each kind, all with the same pods. */
export const SERVICE_KINDS = {
  /** Any pod by a ClusterIP and, by a NodePort, from any node. */
  anywhere: { type: "NodePort" },
  /** A NodePort to pods of its own node only, which see the client's address. */
  local: { type: "NodePort", externalTrafficPolicy: "Local" },
  /** A ClusterIP to pods of the client's node only: a pod's request reaches the pod itself. */
  hairpin: { type: "ClusterIP", internalTrafficPolicy: "Local" },
} as const;

export type ServiceKind = keyof typeof SERVICE_KINDS;

export interface WebService {
  readonly ips: readonly Ip[];
  /** 0 without one. */
  readonly nodePort: number;
}

export interface Workload {
  /** One on each node, in the nodes' order. */
  readonly pods: readonly ClusterPod[];
  readonly services: Readonly<Record<ServiceKind, WebService>>;
}

/** Image of agnhost, with its tag. */
export function workloadManifest(image: string, families: Families): string {
  const ipFamilyPolicy = families === "dual" ? "RequireDualStack" : "SingleStack";
  const services = Object.entries(SERVICE_KINDS).map(([name, spec]) => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name },
    spec: {
      ...spec,
      ipFamilyPolicy,
      selector: { app: "web" },
      ports: [{ port: SERVICE_PORT, targetPort: WEB_PORT }],
    },
  }));
  const container = {
    name: "web",
    image,
    imagePullPolicy: "Never",
    args: ["netexec", `--http-port=${WEB_PORT}`],
    // Without a CPU request it gets a fiftieth of a busy machine's share, and clients wait for half a minute.
    resources: { requests: { cpu: "100m" } },
    // A busy machine answers late, and services remove a pod that is not ready.
    readinessProbe: {
      httpGet: { path: "/hostname", port: WEB_PORT },
      periodSeconds: 1,
      timeoutSeconds: 20,
      failureThreshold: 10,
    },
  };
  const web = {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name: "web" },
    spec: {
      selector: { matchLabels: { app: "web" } },
      template: {
        metadata: { labels: { app: "web" } },
        spec: {
          containers: [container],
          tolerations: [{ operator: "Exists" }],
          terminationGracePeriodSeconds: 0,
        },
      },
    },
  };
  return JSON.stringify({ apiVersion: "v1", kind: "List", items: [web, ...services] });
}

interface PodList {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
    readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
  }[];
}

interface ServiceObject {
  readonly spec: {
    readonly clusterIPs: readonly string[];
    readonly ports: readonly { readonly nodePort?: number }[];
  };
}

/** Resolves once a web server is ready on each node. */
export async function findWorkload(cluster: Cluster, signal: AbortSignal): Promise<Workload> {
  let names: string[] = [];
  await waitUntil("start a web server on each node", signal, async () => {
    const words = ["get", "pods", "--selector=app=web", "--output=json"];
    const { items } = JSON.parse(await cluster.kubectl(words)) as PodList;
    const ready = items.filter(({ metadata, status }) => {
      const isReady = status.conditions?.some(
        ({ type, status: holds }) => type === "Ready" && holds === "True",
      );
      return metadata.deletionTimestamp === undefined && isReady === true;
    });
    names = ready.map(({ metadata }) => metadata.name);
    return names.length === cluster.nodes.length
      ? null
      : `${names.length} of ${cluster.nodes.length} are ready`;
  });
  const pods = await Promise.all(names.map((name) => cluster.pod(NAMESPACE, name)));
  const kinds = Object.keys(SERVICE_KINDS) as ServiceKind[];
  const services = await Promise.all(
    kinds.map(async (kind) => [kind, await findService(cluster, kind)] as const),
  );
  return {
    pods: pods.toSorted((a, b) => a.node.name.localeCompare(b.node.name, "en", { numeric: true })),
    services: Object.fromEntries(services) as Record<ServiceKind, WebService>,
  };
}

async function findService(cluster: Cluster, name: string): Promise<WebService> {
  const { spec } = JSON.parse(
    await cluster.kubectl(["get", "service", name, "--output=json"]),
  ) as ServiceObject;
  const ips = spec.clusterIPs.map(tryParseIp).filter((ip) => ip !== null);
  return { ips, nodePort: spec.ports[0]?.nodePort ?? 0 };
}
