/** Pods as tests use them. */
import { type Ip, tryParseIp } from "../../src/net/index.ts";
import { TweedError } from "../../src/runtime/error.ts";
import type { Cluster } from "./cluster.ts";
import type { ClusterNode } from "./node.ts";

export interface ClusterPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** In the order of its families; empty before its sandbox has a network. */
  readonly addresses: readonly Ip[];
  readonly node: ClusterNode;
  /** Path of its network namespace: the node's for a pod on the node's network. */
  readonly netns: string;
  /** Program and arguments that run a command of this machine in its network. */
  enterNetwork(command: readonly string[]): string[];
}

/** The fields of a Pod that are read. */
interface PodObject {
  readonly metadata: { readonly uid: string };
  readonly spec: { readonly nodeName?: string };
  readonly status: { readonly podIPs?: readonly { readonly ip: string }[] };
}

/** @throws TweedError `no-pod` while it has no node, `program-failed` when there is none of this name */
export async function findPod(
  cluster: Pick<Cluster, "kubectl" | "nodes">,
  namespace: string,
  name: string,
): Promise<ClusterPod> {
  const words = ["get", "pod", name, `--namespace=${namespace}`, "--output=json"];
  const { metadata, spec, status } = JSON.parse(await cluster.kubectl(words)) as PodObject;
  const node = cluster.nodes.find((each) => each.name === spec.nodeName);
  if (node === undefined) {
    const reason = spec.nodeName === undefined ? "it has no node yet" : `no node is called ${spec.nodeName}`;
    throw new TweedError({ code: "no-pod", operation: `look for pod ${namespace}/${name}`, reason });
  }
  const netns = (await node.podNetns(metadata.uid)) ?? node.netns;
  return {
    ...{ namespace, name, uid: metadata.uid, node, netns },
    addresses: (status.podIPs ?? []).map(({ ip }) => tryParseIp(ip)).filter((ip) => ip !== null),
    enterNetwork: (command) => ["nsenter", `--net=${netns}`, "--", ...command],
  };
}
