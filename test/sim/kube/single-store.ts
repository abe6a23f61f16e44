/** One real store on the simulated API server, whose Nodes the test makes itself. */
import type { KubernetesOptions } from "../../../src/config/store-options.ts";
import { KubernetesStore } from "../../../src/lease/kubernetes/store.ts";
import type { HttpRequest } from "../../../src/lease/kubernetes/transport.ts";
import type { JsonObject } from "../../../src/runtime/json.ts";
import { type NodeFields, nodeObject } from "../../support/kube-api/node-object.ts";
import { MemoryFiles } from "../../support/memory-files.ts";
import { RecordingLog } from "../../support/recording-log.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { NodeClock, SimulatedTime } from "../../support/simulated-time.ts";
import { Life } from "../life.ts";
import { HostLink } from "./host-link.ts";
import { SimulatedApiServer } from "./simulated-api-server.ts";
import { SimulatedTransport } from "./simulated-transport.ts";

const KUBECONFIG = "/etc/tweed/kubeconfig";
export const PREFIX = "flannel.alpha.coreos.com/";

export class SingleStore {
  readonly time = new SimulatedTime();
  readonly clock = new NodeClock(this.time);
  readonly log = new RecordingLog();
  readonly files = new MemoryFiles();
  readonly server: SimulatedApiServer;
  readonly link: HostLink;
  readonly store: KubernetesStore;
  readonly sent: HttpRequest[] = [];
  readonly #stop = new AbortController();

  constructor(options: Partial<KubernetesOptions> = {}) {
    const random = seededRandom(1);
    this.server = new SimulatedApiServer({ time: this.time, random }, { bookmarkMs: 60_000, maxPage: 500 });
    this.link = new HostLink("n1", this.time, random);
    this.server.addLink(this.link);
    this.server.access.tokens.add("token");
    this.server.onRequest = (_host, request) => this.sent.push(request);
    this.files.put(KUBECONFIG, kubeconfig());
    const life = new Life();
    const { clock, log, files } = this;
    const connect = () => new SimulatedTransport(this.server, this.link, life);
    this.store = new KubernetesStore(
      {
        kind: "kubernetes",
        apiUrl: null,
        kubeconfigFile: KUBECONFIG,
        apiService: null,
        annotationPrefix: "flannel.alpha.coreos.com",
        networkConfigFile: "/etc/kube-flannel/net-conf.json",
        node: { kind: "node", name: "n1" },
        setNodeNetworkUnavailable: true,
        ...options,
      },
      { clock, random, log, files, connect },
    );
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Registers a Node. */
  put(name: string, fields: NodeFields = {}): void {
    this.server.admin("POST", "/api/v1/nodes", nodeObject(name, fields));
  }

  patch(name: string, patch: JsonObject): void {
    this.server.admin("PATCH", `/api/v1/nodes/${name}`, patch);
  }

  patchStatus(name: string, patch: JsonObject): void {
    this.server.admin("PATCH", `/api/v1/nodes/${name}/status`, patch);
  }

  delete(name: string): void {
    this.server.standIn.nodes.delete(name);
  }

  /** The annotations of a Node with our prefix, without it. */
  annotations(name: string): Readonly<Record<string, unknown>> {
    const node = this.server.standIn.nodes.get(name);
    const all = Object.entries((node?.metadata.annotations ?? {}) as JsonObject);
    const own = all.filter(([key]) => key.startsWith(PREFIX));
    return Object.fromEntries(own.map(([key, value]) => [key.slice(PREFIX.length), value]));
  }

  condition(name: string): JsonObject | undefined {
    const status = this.server.standIn.nodes.get(name)?.status as { conditions?: readonly JsonObject[] };
    return status.conditions?.find(({ type }) => type === "NetworkUnavailable");
  }

  /** The requests so far, as method and path. */
  requests(): readonly string[] {
    return this.sent.map(({ method, path }) => `${method} ${path}`);
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error("the test is over"));
    await this.store.close();
  }
}

function kubeconfig(): string {
  return JSON.stringify({
    clusters: [{ name: "c", cluster: { server: "http://192.0.2.254:8080" } }],
    users: [{ name: "u", user: { token: "token" } }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
    "current-context": "x",
  });
}
