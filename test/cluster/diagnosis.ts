/** Why a check of a cluster may have failed: programs that have ended, stale endpoints, and their programs' last errors. */
import { readFile } from "node:fs/promises";
import type { Cluster } from "./cluster.ts";
import type { Service } from "./service.ts";

const LAST_ERRORS = 5;

/** The fields of an EndpointSlice, and of a Pod, that are read. */
export interface EndpointSlices {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly endpoints?: readonly { readonly addresses: readonly string[] }[] | null;
  }[];
}
export interface PodAddresses {
  readonly items: readonly { readonly status: { readonly podIPs?: readonly { readonly ip: string }[] } }[];
}

/** Findings for people, one line each. Never throws: the check's own failure counts. */
export async function diagnose(cluster: Cluster): Promise<readonly string[]> {
  const ended = cluster.services.filter(({ hasEnded }) => hasEnded).map(({ name }) => `${name} has ended`);
  const read = async <T>(resource: string): Promise<T> =>
    JSON.parse(await cluster.kubectl(["get", resource, "--namespace=default", "--output=json"])) as T;
  try {
    const stale = staleEndpoints(await read("endpointslices"), await read("pods"));
    if (stale.length === 0) return ended;
    const logs = await Promise.all(cluster.services.filter(writesOrReadsEndpoints).map(lastErrors));
    return [...ended, ...stale, ...logs.flat()];
  } catch (error) {
    return [...ended, `the API server: ${(error as Error).message}`];
  }
}

/** Endpoints with an address that no pod has. */
export function staleEndpoints(slices: EndpointSlices, pods: PodAddresses): readonly string[] {
  const live = new Set(pods.items.flatMap(({ status }) => (status.podIPs ?? []).map(({ ip }) => ip)));
  return slices.items.flatMap(({ metadata, endpoints }) => {
    // The API server's own addresses are no pod's.
    if (metadata.name === "kubernetes") return [];
    const gone = (endpoints ?? []).flatMap(({ addresses }) => addresses).filter((ip) => !live.has(ip));
    return gone.length === 0 ? [] : [`${metadata.name} has endpoints of no pod: ${gone.join(", ")}`];
  });
}

function writesOrReadsEndpoints({ name }: Service): boolean {
  return name === "kube-controller-manager" || name.startsWith("kube-proxy");
}

async function lastErrors({ name, logFile }: Service): Promise<readonly string[]> {
  const text = await readFile(logFile, "utf8").catch((error: Error) => `E: ${error.message}`);
  // klog's lines begin with their severity.
  const errors = text.split("\n").filter((line) => /^[EF]/.test(line));
  return errors.slice(-LAST_ERRORS).map((line) => `${name}: ${line}`);
}
