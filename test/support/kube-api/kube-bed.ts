/** An API server with the stores of many daemons on it, all removed at the end of the test. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { KubernetesOptions } from "../../../src/config/store-options.ts";
import { NodeHttp } from "../../../src/lease/kubernetes/node-http.ts";
import { KubernetesStore } from "../../../src/lease/kubernetes/store.ts";
import { KUBERNETES_TIMING, type KubernetesTiming } from "../../../src/lease/kubernetes/timing.ts";
import { type Clock, systemClock } from "../../../src/runtime/clock.ts";
import { nodeFiles } from "../../../src/runtime/node-files.ts";
import { systemRandom } from "../../../src/runtime/random.ts";
import { withRealDeadlines } from "../real-deadlines.ts";
import { RecordingLog } from "../recording-log.ts";
import { SnapshotReader } from "../snapshot-reader.ts";
import { KubeApi } from "./kube-api.ts";
import { nodeObject } from "./node-object.ts";
import type { StandInOptions } from "./stand-in.ts";

export const PREFIX = "flannel.alpha.coreos.com/";

export class KubeBed {
  readonly api: KubeApi;
  readonly log = new RecordingLog();
  #cleanups: (() => Promise<void> | void)[] = [];

  private constructor(api: KubeApi) {
    this.api = api;
  }

  static async start(options: Partial<StandInOptions> = {}): Promise<KubeBed> {
    return new KubeBed(await KubeApi.start(options));
  }

  get configFile(): string {
    return join(this.api.directory, "net-conf.json");
  }

  async store(
    name: string,
    changes: Partial<KubernetesOptions> = {},
    timing: Partial<KubernetesTiming> = {},
    clock: Clock = systemClock,
  ): Promise<KubernetesStore> {
    const { file } = await this.api.kubeconfig(name, `token-of-${name}`);
    await writeFile(this.configFile, '{"Network":"10.244.0.0/16"}');
    const options: KubernetesOptions = {
      kind: "kubernetes",
      apiUrl: null,
      kubeconfigFile: file,
      apiService: null,
      annotationPrefix: "flannel.alpha.coreos.com",
      networkConfigFile: this.configFile,
      node: { kind: "node", name },
      setNodeNetworkUnavailable: true,
      ...changes,
    };
    const timings = { ...KUBERNETES_TIMING, ...SHORT_INTERVALS, ...timing };
    const surroundings = {
      clock: withRealDeadlines(clock, timings.answerMs),
      random: systemRandom,
      files: nodeFiles,
      log: this.log,
      connect: (idleMs: number) => new NodeHttp(idleMs),
    };
    const store = new KubernetesStore(options, surroundings, timings);
    this.#cleanups.push(() => store.close());
    return store;
  }

  reader(store: KubernetesStore): SnapshotReader {
    const reader = new SnapshotReader(store);
    this.#cleanups.push(() => reader.stop());
    return reader;
  }

  /** A node with the annotations of a flannel peer of type host-gw. */
  async flannelNode(name: string, podCidr: string, publicIp: string): Promise<void> {
    await this.api.create(
      nodeObject(name, { podCidrs: [podCidr], annotations: flannelAnnotations(publicIp) }),
    );
  }

  /** The annotations of a node that are ours, without their prefix. */
  async annotations(name: string): Promise<Readonly<Record<string, string>>> {
    const { metadata } = (await this.api.get(name)) as unknown as {
      metadata: { annotations: Record<string, string> };
    };
    const own = Object.entries(metadata.annotations).filter(([key]) => key.startsWith(PREFIX));
    return Object.fromEntries(own.map(([key, value]) => [key.slice(PREFIX.length), value]));
  }

  async condition(name: string): Promise<Readonly<Record<string, string>> | undefined> {
    const { status } = (await this.api.get(name)) as unknown as {
      status: { conditions?: Record<string, string>[] };
    };
    return status.conditions?.find(({ type }) => type === "NetworkUnavailable");
  }

  /** Ends every store and reader, ends injected faults, and clears all nodes, log lines and recorded requests. */
  async clear(): Promise<void> {
    const { front } = this.api;
    front.flow();
    front.refusal = null;
    front.slowMs = 0;
    const cleanups = this.#cleanups.reverse();
    this.#cleanups = [];
    for (const cleanup of cleanups) await cleanup();
    await this.api.deleteAll();
    this.log.lines.length = 0;
    front.seen.length = 0;
  }

  async teardown(): Promise<void> {
    try {
      await this.clear();
    } finally {
      await this.api.stop();
    }
  }
}

/** Short intervals for tests. */
const SHORT_INTERVALS: Partial<KubernetesTiming> = {
  listIntervalMs: 0,
  listSpreadMs: 100,
  correctionMs: { firstMs: 100, maxMs: 400 },
  pollMs: 1000,
  outage: { firstRetryMs: 200, retryIntervalMs: 1000 },
};

export function flannelAnnotations(publicIp: string): Readonly<Record<string, string>> {
  return prefixed({
    "backend-data": "null",
    "backend-type": "host-gw",
    "kube-subnet-manager": "true",
    "public-ip": publicIp,
  });
}

export function prefixed(annotations: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(annotations).map(([name, value]) => [PREFIX + name, value]));
}
