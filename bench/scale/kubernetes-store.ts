import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { kubeconfigFile } from "../../src/lab/kube-api-process.ts";
import { nodeConfigFile } from "../../src/lab/node-config.ts";
import { completePrefix } from "../../src/lease/kubernetes/annotation-names.ts";
import { contentAnnotations } from "../../src/lease/kubernetes/node-lease.ts";
import type { JsonObject } from "../../src/runtime/json.ts";
import { KubeCluster } from "../control/kube-cluster.ts";
import { NETWORK_CONFIG } from "../control/peers.ts";
import { siteNode, siteSpec } from "../control/site.ts";
import type { ScaleStore } from "./scale-store.ts";
import { leaseOf, type SyntheticNode } from "./synthetic-nodes.ts";

const PREFIX = completePrefix("flannel.alpha.coreos.com");

/** The stand-in for the API server, whose kubelets report all the time. */
export class KubernetesScaleStore implements ScaleStore {
  readonly #cluster: KubeCluster;

  private constructor(cluster: KubeCluster) {
    this.#cluster = cluster;
  }

  static async open(nodes: number): Promise<KubernetesScaleStore> {
    const directory = dirname(kubeconfigFile(siteSpec("kubernetes", 1).name, siteNode().name));
    return new KubernetesScaleStore(await KubeCluster.start(directory, nodes));
  }

  /** A file of the node, as a mounted ConfigMap is. */
  async configure(backend: JsonObject): Promise<void> {
    const file = nodeConfigFile(siteNode());
    await mkdir(dirname(file), { recursive: true });
    await writeFile(`${file}.new`, JSON.stringify({ ...NETWORK_CONFIG, Backend: backend }));
    await rename(`${file}.new`, file);
  }

  put(node: SyntheticNode): Promise<void> {
    const lease = leaseOf(node);
    const annotations = Object.entries(contentAnnotations(lease)).flatMap(([name, value]) =>
      value === null ? [] : [[PREFIX + name, value] as const],
    );
    return this.#cluster.put(node.index, lease.subnets.v4 ?? "", Object.fromEntries(annotations));
  }

  remove(node: SyntheticNode): Promise<void> {
    return this.#cluster.remove(node.index);
  }

  stop(): Promise<void> {
    return this.#cluster.stopServing();
  }

  /** Without the history of its watches, as a watch cache after a restart: every watch has to list again. */
  start(): Promise<void> {
    return this.#cluster.serveAgain();
  }

  listRequests(): Promise<number> {
    return this.#cluster.countLists();
  }

  close(): Promise<void> {
    return this.#cluster.stop();
  }
}
