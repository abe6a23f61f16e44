/** The Kubernetes API as the lease store of a simulated cluster: real clients on a simulated server and network. */
import type { KubernetesOptions, NodeIdentity } from "../../../src/config/store-options.ts";
import { MAX_OBJECT_BYTES } from "../../../src/lease/kubernetes/large-object.ts";
import { isManaged, leaseOf, readable } from "../../../src/lease/kubernetes/node-lease.ts";
import { excerptNode, readExcerpt } from "../../../src/lease/kubernetes/node-record.ts";
import { KubernetesStore } from "../../../src/lease/kubernetes/store.ts";
import { KUBERNETES_TIMING } from "../../../src/lease/kubernetes/timing.ts";
import type { Lease } from "../../../src/lease/lease.ts";
import type { LeaseStore } from "../../../src/lease/store.ts";
import type { Ipv4, Ipv4Prefix, Ipv6, Ipv6Prefix } from "../../../src/net/index.ts";
import { nodeObject } from "../../support/kube-api/node-object.ts";
import type { Backup } from "../../support/kube-api/object-table.ts";
import { NodeClock } from "../../support/simulated-time.ts";
import type { HostileWrite, SimulatedStore, StoreHost, StoreWorld } from "../store.ts";
import { ClusterNodes } from "./cluster-nodes.ts";
import { type Cut, HostLink } from "./host-link.ts";
import { MountedVolumes } from "./mounted-volumes.ts";
import { SimulatedApiServer } from "./simulated-api-server.ts";
import { SimulatedTransport } from "./simulated-transport.ts";

export const ANNOTATION_DOMAIN = "flannel.alpha.coreos.com";
const LARGE_NODE = "large";
const PREFIX = `${ANNOTATION_DOMAIN}/`;
/** Of the ClusterRole and the Role in the manifest. */
const PERMISSIONS = [
  ...["get nodes", "list nodes", "watch nodes", "patch nodes/status"],
  ...["get pods in kube-system", "create events in default"],
];
/** A kubelet writes a new token, and a changed ConfigMap, so much later at most. */
const TOKEN_MS = 3_000;
const CONFIGURATION_MS = 2_000;
/**
 * How many versions the rest of the cluster has written between a backup and its use, far more than the daemons write:
 * a restored server must not reach their versions before they notice the rewind.
 */
const WRITES_SINCE_BACKUP = 100_000;

interface Host {
  readonly link: HostLink;
  readonly volumes: MountedVolumes;
  token: string;
}

/** The leases at a version; the oracle asks far more often than anything changes. */
interface Reading {
  readonly version: number;
  /** By the Node as JSON; null for a Node without a lease. */
  readonly texts: ReadonlyMap<string, Lease | null>;
  readonly leases: readonly Lease[];
}

function parseLease(text: string): Lease | null {
  const node = readExcerpt(excerptNode(Buffer.from(text), PREFIX));
  return isManaged(node) ? readable(() => leaseOf(node)) : null;
}

export class SimulatedKubeStore implements SimulatedStore {
  readonly kind = "kubernetes";
  readonly server: SimulatedApiServer;
  readonly nodes: ClusterNodes;
  readonly #world: StoreWorld;
  readonly #hosts = new Map<string, Host>();
  /** Annotations that hostile authors wrote, by the author's Node. */
  readonly #hostile = new Map<string, Set<string>>();
  #configuration: string | null = null;
  #backup: Backup | null = null;
  #tokens = 0;
  #restores = 0;
  #read: Reading | null = null;

  constructor(world: StoreWorld) {
    this.#world = world;
    this.server = new SimulatedApiServer(world, { bookmarkMs: 60_000, maxPage: 2 + world.random.below(4) });
    this.nodes = new ClusterNodes(world, this.server);
  }

  async open(host: StoreHost): Promise<LeaseStore> {
    const { link, volumes } = this.#host(host.name);
    this.nodes.start(host.name, host.ip, host.ip6);
    const options: KubernetesOptions = {
      kind: "kubernetes",
      apiUrl: null,
      kubeconfigFile: MountedVolumes.kubeconfigFile,
      apiService: null,
      annotationPrefix: ANNOTATION_DOMAIN,
      networkConfigFile: MountedVolumes.networkConfigFile,
      node: this.#nodeOf(host.name),
      setNodeNetworkUnavailable: true,
    };
    const connect = () => new SimulatedTransport(this.server, link, host.life);
    const { clock, random, log } = host;
    const surroundings = { clock, random, log, files: volumes.open(host.life), connect };
    return new KubernetesStore(options, surroundings, KUBERNETES_TIMING);
  }

  /** Some daemons know only their pod, as flannel's manifest has it. */
  #nodeOf(host: string): NodeIdentity {
    if (!host.endsWith("3")) return { kind: "node", name: host };
    const pod = { namespace: "kube-system", name: `tweed-of-${host}` };
    const containers = [{ name: "tweed", image: "tweed" }];
    const object = { apiVersion: "v1", kind: "Pod", metadata: pod, spec: { nodeName: host, containers } };
    this.server.whenServing(() =>
      this.server.admin("POST", `/api/v1/namespaces/${pod.namespace}/pods`, object),
    );
    return { kind: "pod", ...pod };
  }

  leases(): readonly Lease[] {
    const { nodes } = this.server.standIn;
    const { version } = nodes;
    // No two states of the table have one version: a restore goes far back behind all before it.
    if (this.#read?.version === version) return this.#read.leases;
    const texts = new Map<string, Lease | null>();
    for (const text of nodes.page(Number.POSITIVE_INFINITY, null).items)
      texts.set(text, this.#read?.texts.get(text) ?? parseLease(text));
    const leases = [...texts.values()].filter((lease) => lease !== null);
    this.#read = { version, texts, leases };
    return leases;
  }

  configure(text: string): void {
    this.#configuration = text;
    for (const { volumes } of this.#hosts.values())
      this.#later(CONFIGURATION_MS, () => volumes.configure(this.#configuration ?? text));
  }

  renumber(network: Ipv4Prefix, network6: Ipv6Prefix | null = null): void {
    this.nodes.renumber(network, network6);
  }

  changeAddresses(host: string, ip: Ipv4, ip6: Ipv6 | null): void {
    this.nodes.changeAddresses(host, ip, ip6);
  }

  setAway(isAway: boolean): void {
    this.server.setAway(isAway);
  }

  hang(isHanging: boolean): void {
    this.server.hang(isHanging);
  }

  partition(host: string, isCut: boolean): void {
    const { link } = this.#host(host);
    const cuts: readonly Cut[] = ["dropping", "rejecting"];
    if (!isCut) link.cut = null;
    else link.cut ??= cuts[this.#world.random.below(cuts.length)] ?? "dropping";
  }

  delayWatch(host: string, ms: number): void {
    this.#host(host).link.watchDelayMs = ms;
  }

  silenceWatch(host: string, isSilent: boolean): void {
    this.#host(host).link.isWatchSilent = isSilent;
  }

  breakWatches(): void {
    this.server.breakWatches();
  }

  compact(): void {
    if (this.#world.random.below(2) === 0) this.server.standIn.compact();
    else this.server.standIn.expire();
  }

  backup(): void {
    this.#backup = this.server.standIn.nodes.backUp();
  }

  restore(): void {
    if (this.#backup === null) return;
    this.#restores += 1;
    this.server.standIn.restore(this.#backup, this.#restores * WRITES_SINCE_BACKUP);
    this.nodes.registerMissing();
  }

  /** The old tokens become invalid at once; the kubelet of each host writes the new one a little later. */
  rotateCredentials(): void {
    for (const host of this.#hosts.values()) {
      this.#giveToken(host);
      const { token, volumes } = host;
      this.#later(TOKEN_MS, () => {
        if (host.token === token) volumes.putToken(token);
      });
    }
  }

  putRaw(author: string, { annotations }: HostileWrite): void {
    this.nodes.start(author, null);
    const named = Object.entries(annotations).map(
      ([name, value]) => [name.includes("/") ? name : PREFIX + name, value] as const,
    );
    const written = this.#hostile.get(author) ?? new Set();
    this.#hostile.set(author, written);
    for (const [name] of named) written.add(name);
    this.#annotate(author, Object.fromEntries(named));
  }

  removeRaw(author: string): void {
    const written = [...(this.#hostile.get(author) ?? [])];
    this.#hostile.delete(author);
    if (this.#hosts.has(author))
      this.#annotate(author, Object.fromEntries(written.map((name) => [name, null])));
    // Also a Node that a restore brought back, without a kubelet.
    else this.nodes.stop(author);
  }

  /** A node's subnet is released with its Node. */
  releaseLease(key: string): void {
    if (this.#hosts.has(key)) this.nodes.recreate(key);
    else this.removeRaw(key);
  }

  annotate(host: string, name: string, text: string | null): void {
    this.#annotate(host, { [PREFIX + name]: text });
  }

  /** By its list of images, which no limit bounds before etcd's own. */
  setLargeObject(isThere: boolean): void {
    const { standIn } = this.server;
    this.server.whenServing(() => {
      if (isThere === (standIn.nodes.text(LARGE_NODE) !== null)) return;
      if (!isThere) {
        standIn.nodes.delete(LARGE_NODE);
        return;
      }
      const node = nodeObject(LARGE_NODE);
      const images = [{ names: ["x".repeat(MAX_OBJECT_BYTES)], sizeBytes: 1 }];
      this.server.admin("POST", "/api/v1/nodes", { ...node, status: { ...(node.status as object), images } });
    });
  }

  refuse(isRefusing: boolean): void {
    this.server.flawPercent = isRefusing ? 40 : 0;
  }

  /** Takes a permission from this host, or returns all: `patch nodes/status`. */
  forbid(host: string, permission: string | null): void {
    const { token } = this.#host(host);
    const permissions = new Set(PERMISSIONS.filter((each) => each !== permission));
    this.server.access.roles.set(token, { user: host, permissions });
  }

  heal(): void {
    this.server.heal();
    this.setLargeObject(false);
    for (const { link, token } of this.#hosts.values()) {
      link.cut = null;
      link.watchDelayMs = 0;
      link.isWatchSilent = false;
      this.forbid(link.host, null);
      this.server.access.tokens.add(token);
    }
  }

  #annotate(name: string, annotations: Readonly<Record<string, string | null>>): void {
    this.server.whenServing(() =>
      this.server.admin("PATCH", `/api/v1/nodes/${name}/status`, { metadata: { annotations } }),
    );
  }

  #host(name: string): Host {
    const known = this.#hosts.get(name);
    if (known !== undefined) return known;
    const { time, random } = this.#world;
    const clock = new NodeClock(time);
    const host = {
      link: new HostLink(name, time, random),
      volumes: new MountedVolumes(() => clock.wallMs(), Number(name.replace(/\D/g, "")) || 0),
      token: "",
    };
    this.#hosts.set(name, host);
    this.server.addLink(host.link);
    this.#giveToken(host);
    host.volumes.putToken(host.token);
    if (this.#configuration !== null) host.volumes.configure(this.#configuration);
    return host;
  }

  #giveToken(host: Host): void {
    const { access } = this.server;
    const role = access.roles.get(host.token) ?? { user: host.link.host, permissions: new Set(PERMISSIONS) };
    access.tokens.delete(host.token);
    access.roles.delete(host.token);
    host.token = `token ${++this.#tokens} of ${host.link.host}`.replaceAll(" ", "-");
    access.tokens.add(host.token);
    access.roles.set(host.token, role);
  }

  #later(mostMs: number, act: () => void): void {
    const { time, random } = this.#world;
    time.wakeAt(time.nowMs + random.below(mostMs), act);
  }
}
