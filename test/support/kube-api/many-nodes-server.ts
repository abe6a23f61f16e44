/**
 * The API server of the benchmark, as a program of its own so that its cost is not counted:
 * `node bench-kube-api.mjs DIRECTORY PEERS`. It serves many synthetic nodes, each with the heartbeats of a kubelet, and
 * one real one, until standard input closes. It reads orders there, one JSON line each, and answers on standard output.
 */
import { createInterface } from "node:readline";
import type { KubeOrder } from "../../../bench/control/kube-cluster.ts";
import { peerLease, peerLeases } from "../../../bench/control/peers.ts";
import { siteNode } from "../../../bench/control/site.ts";
import { SWITCH_IP } from "../../../src/lab/topology.ts";
import { completePrefix } from "../../../src/lease/kubernetes/annotation-names.ts";
import { contentAnnotations } from "../../../src/lease/kubernetes/node-lease.ts";
import type { Lease } from "../../../src/lease/lease.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../../src/runtime/json.ts";
import type { SeenRequest } from "./front.ts";
import { KubeApi } from "./kube-api.ts";
import { largeNodeObject } from "./node-object.ts";
import type { ObjectTable, StoredObject } from "./object-table.ts";

/** The node of the measured daemon; it has the last subnet of the network. */
const OWN_NODE = { name: siteNode().name, podCidr: "10.127.254.0/24" } as const;

const PREFIX = completePrefix("flannel.alpha.coreos.com");
/** Interval of a kubelet's reports while its status changes (`nodeStatusUpdateFrequency`). */
const HEARTBEAT_EVERY_MS = 10_000;
const TICK_MS = 1;

/** Prints "serving" once it does. The directory then has a kubeconfig for the node. */
async function serveKubeApi(directory: string, peers: number): Promise<void> {
  const api = await KubeApi.start({ host: SWITCH_IP.v4, directory });
  const nodes = api.standIn?.nodes;
  if (nodes === undefined) throw new Error("the benchmark needs the stand-in for the API server");
  for (const lease of peerLeases(peers)) nodes.put(peerNode(lease));
  nodes.put(stored(largeNodeObject(OWN_NODE.name, { podCidrs: [OWN_NODE.podCidr] })));
  await api.kubeconfig(OWN_NODE.name, "token");
  const heartbeats = new Heartbeats(nodes, [...peerLeases(peers).map(nodeName), OWN_NODE.name]);
  say("serving");
  for await (const line of createInterface(process.stdin)) {
    const order = JSON.parse(line) as KubeOrder;
    switch (order.order) {
      case "change": {
        const lease = peerLease(order.index, order.generation);
        const node = nodes.get(nodeName(lease));
        if (node !== null) nodes.put({ ...node, metadata: { ...node.metadata, ...annotated(lease) } });
        break;
      }
      case "put":
        put(nodes, order);
        say(null);
        break;
      case "remove":
        nodes.delete(nodeName(peerLease(order.index)));
        say(null);
        break;
      case "count-heartbeats":
        say(heartbeats.count);
        break;
      case "count-lists":
        say(api.front.seen.filter(isList).length);
        break;
      case "stop-serving":
        heartbeats.stop();
        await api.front.stop();
        say(null);
        break;
      case "serve-again":
        nodes.compact();
        await api.front.start();
        heartbeats.resume();
        say(null);
        break;
    }
  }
  heartbeats.stop();
  await api.stop();
}

type PutOrder = Extract<KubeOrder, { readonly order: "put" }>;

function put(nodes: ObjectTable, { index, podCidr, annotations }: PutOrder): void {
  const name = nodeName(peerLease(index));
  const node = nodes.get(name);
  if (node !== null) nodes.put({ ...node, metadata: { ...node.metadata, annotations } });
  else {
    const createdAt = new Date().toISOString();
    nodes.put(stored(largeNodeObject(name, { podCidrs: [podCidr], annotations, createdAt })));
  }
}

function isList({ method, url }: SeenRequest): boolean {
  return method === "GET" && url.startsWith("/api/v1/nodes?") && !url.includes("watch=");
}

/** Reports of all kubelets, evenly spread over time as in a cluster. */
class Heartbeats {
  count = 0;
  readonly #nodes: ObjectTable;
  readonly #names: readonly string[];
  #startedMs = performance.now();
  #timer: NodeJS.Timeout;

  constructor(nodes: ObjectTable, names: readonly string[]) {
    this.#nodes = nodes;
    this.#names = names;
    this.#timer = setInterval(() => this.#catchUp(), TICK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Continues after {@link stop}, without the reports of the time in between. */
  resume(): void {
    this.#startedMs = performance.now() - (this.count * HEARTBEAT_EVERY_MS) / this.#names.length;
    this.#timer = setInterval(() => this.#catchUp(), TICK_MS);
  }

  #catchUp(): void {
    const elapsedMs = performance.now() - this.#startedMs;
    const due = Math.floor((elapsedMs * this.#names.length) / HEARTBEAT_EVERY_MS);
    for (; this.count < due; this.count++) {
      const name = this.#names[this.count % this.#names.length] ?? "";
      const node = this.#nodes.get(name);
      if (node !== null) this.#nodes.put(withHeartbeat(node));
    }
  }
}

function withHeartbeat(node: StoredObject): StoredObject {
  const lastHeartbeatTime = `${new Date().toISOString().slice(0, 19)}Z`;
  const status = node.status as { readonly conditions: readonly JsonValue[] } & JsonObject;
  const conditions = status.conditions.map((each) =>
    isJsonObject(each) && each.type !== "NetworkUnavailable" ? { ...each, lastHeartbeatTime } : each,
  );
  return { ...node, status: { ...status, conditions } };
}

function peerNode(lease: Lease): StoredObject {
  const { v4 } = lease.subnets;
  const { annotations } = annotated(lease);
  return stored(largeNodeObject(nodeName(lease), { podCidrs: v4 === null ? [] : [v4], annotations }));
}

function annotated(lease: Lease): { readonly annotations: Readonly<Record<string, string>> } {
  const present = Object.entries(contentAnnotations(lease)).flatMap(([name, value]) =>
    value === null ? [] : [[PREFIX + name, value] as const],
  );
  return { annotations: Object.fromEntries(present) };
}

/** In the style of a cloud's node names. */
function nodeName({ claimedAt }: Lease): string {
  return `worker-${String(claimedAt).padStart(5, "0")}.example.internal`;
}

function stored(node: JsonObject): StoredObject {
  return node as StoredObject;
}

function say(answer: JsonValue): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

const [directory = "", peers] = process.argv.slice(2);
await serveKubeApi(directory, Number(peers));
