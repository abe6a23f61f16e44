import type { NetworkConfig } from "../../config/network-config.ts";
import type { KubernetesOptions } from "../../config/store-options.ts";
import type { DualIp } from "../../net/index.ts";
import { TweedError } from "../../runtime/error.ts";
import { coalesced, snapshotIntervalMs } from "../coalesce.ts";
import type { Lease, LeaseSnapshot } from "../lease.ts";
import type { Notice } from "../notice.ts";
import type { HeldLease, LeaseRequest, LeaseStore, StoreSurroundings } from "../store.ts";
import type { StoreHealth } from "../store-health.ts";
import { followText } from "../text-file.ts";
import { ANNOTATIONS, completePrefix } from "./annotation-names.ts";
import { Api } from "./api.ts";
import { KubernetesClaimant } from "./claimant.ts";
import { Credentials } from "./credentials.ts";
import type { FollowContext } from "./follow.ts";
import { NodeEvents } from "./node-events.ts";
import { NodeFeed } from "./node-feed.ts";
import { internalIps, isManaged, leaseOf, operatorIps, publishedIps, readable } from "./node-lease.ts";
import { Outage } from "./outage.ts";
import { OwnNodeAccess } from "./own-node.ts";
import { KUBERNETES_TIMING, type KubernetesTiming } from "./timing.ts";
import type { ConnectToApi } from "./transport.ts";

/**
 * Leases in the Kubernetes API, shared with flannel nodes: the subnet is the node's podCIDR, and the daemon publishes
 * in annotations of its Node. The network configuration is a file, a mounted ConfigMap.
 */
export class KubernetesStore implements LeaseStore {
  readonly name = "kubernetes";
  readonly subnets = "assigned";
  readonly identifiesNodes = true;
  readonly health: StoreHealth;
  readonly #options: KubernetesOptions;
  readonly #prefix: string;
  readonly #context: FollowContext;
  readonly #own: OwnNodeAccess;
  readonly #feed: NodeFeed;
  readonly #claimant: KubernetesClaimant;
  readonly #events: NodeEvents;

  /** Does not connect yet. @throws TweedError `usage` for an invalid annotation prefix */
  constructor(
    options: KubernetesOptions,
    surroundings: StoreSurroundings & { readonly connect: ConnectToApi },
    timing: KubernetesTiming = KUBERNETES_TIMING,
  ) {
    const { clock, random, files } = surroundings;
    const log = surroundings.log.child({ store: "kubernetes" });
    const { answerMs } = timing;
    const outage = new Outage(clock, random, log, timing.outage);
    this.health = outage.health;
    const credentials = new Credentials(options, answerMs, { files, clock });
    const api = new Api(credentials, surroundings.connect(answerMs), outage, answerMs);
    this.#options = options;
    this.#prefix = completePrefix(options.annotationPrefix);
    this.#context = { clock, random, files, log, api, timing };
    this.#own = new OwnNodeAccess(api, options.node, this.#prefix);
    this.#feed = new NodeFeed(this.#context, this.#prefix);
    this.#events = new NodeEvents(this.#context, (signal) => this.#own.name(signal));
    this.#claimant = new KubernetesClaimant(
      this.#context,
      this.#own,
      this.#feed,
      options.setNodeNetworkUnavailable,
    );
  }

  configurations(signal: AbortSignal): AsyncGenerator<string, void> {
    return followText(this.#options.networkConfigFile, this.#context.timing.pollMs, this.#context, signal);
  }

  checkNetwork(config: NetworkConfig, signal: AbortSignal): Promise<void> {
    return this.#claimant.checkNetwork(config, signal);
  }

  async publicIps(signal: AbortSignal): Promise<DualIp> {
    const node = await this.#own.read(signal);
    return operatorIps(node?.annotations ?? {});
  }

  /** The addresses that the node published unless an operator overwrote them, then those that its kubelet reports. */
  async hostIps(signal: AbortSignal): Promise<readonly DualIp[]> {
    const node = await this.#own.read(signal);
    if (node === null) return [];
    return [publishedIps(node), internalIps(node)];
  }

  async acquire(request: LeaseRequest, signal: AbortSignal): Promise<HeldLease> {
    this.#feed.ownName = await this.#own.name(signal);
    return this.#claimant.acquire(request, signal);
  }

  holdUntilLost(held: HeldLease, signal: AbortSignal): Promise<string> {
    return this.#claimant.holdUntilLost(held, signal);
  }

  networkIsUp(): void {
    this.#claimant.networkIsUp();
  }

  snapshots(signal: AbortSignal): AsyncIterableIterator<LeaseSnapshot, never> {
    const changes = (ended: AbortSignal) => this.#changes(ended);
    return coalesced(changes, () => this.#feed.snapshot(), snapshotIntervalMs, this.#context.clock, signal);
  }

  async *#changes(signal: AbortSignal): AsyncGenerator<void, never> {
    // Set before the first node is read, to recognise our own.
    this.#feed.ownName = await this.#own.name(signal);
    return yield* this.#feed.changes(signal);
  }

  async list(signal: AbortSignal): Promise<readonly Lease[]> {
    this.#feed.ownName = await this.#own.name(signal);
    return this.#feed.list(signal);
  }

  async previous(_request: unknown, signal: AbortSignal): Promise<Lease | null> {
    const node = await this.#own.read(signal);
    return node === null || !isManaged(node) ? null : readable(() => leaseOf(node));
  }

  postNotice(notice: Notice): void {
    this.#events.post(notice);
  }

  configure(): Promise<void> {
    const reason = `it is the file ${this.#options.networkConfigFile}; change net-conf.json in the ConfigMap that is mounted there`;
    return refuse("write the network configuration", reason);
  }

  release(key: string): Promise<void> {
    const annotation = `${this.#prefix}${ANNOTATIONS.managed}`;
    const reason = `a node's subnet is its podCIDR and is released with the Node; to remove the node from the network stop its daemon, then: kubectl annotate node ${key} ${annotation}-`;
    return refuse(`release lease ${key}`, reason);
  }

  async close(): Promise<void> {
    this.#events.close();
    this.#context.api.close();
  }
}

async function refuse(operation: string, reason: string): Promise<never> {
  throw new TweedError({ code: "not-in-kubernetes", operation, reason });
}
