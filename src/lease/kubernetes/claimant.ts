/** Publishes this node's lease on its Node, and repairs it after changes by others. */
import { isDeepStrictEqual } from "node:util";
import type { NetworkConfig } from "../../config/network-config.ts";
import { containsPrefix, type DualPrefix, FAMILIES, type Family } from "../../net/index.ts";
import { Backoff } from "../../runtime/backoff.ts";
import { messageOf, TweedError } from "../../runtime/error.ts";
import { Latest } from "../../runtime/latest.ts";
import type { LeaseContent } from "../lease.ts";
import type { HeldLease, LeaseRequest } from "../store.ts";
import type { FollowContext } from "./follow.ts";
import type { NodeFeed } from "./node-feed.ts";
import {
  contentAnnotations,
  missingAnnotations,
  overwritten,
  readable,
  subnetsOf,
  unreadableAddresses,
} from "./node-lease.ts";
import { isOlderVersion, type OwnNode } from "./node-record.ts";
import { NETWORK_IS_UP, type OwnNodeAccess } from "./own-node.ts";

export class KubernetesClaimant {
  readonly #context: FollowContext;
  readonly #access: OwnNodeAccess;
  readonly #feed: NodeFeed;
  readonly #setCondition: boolean;
  /** The content of the last request, before an operator's addresses replace some of it. */
  #content: LeaseContent | null = null;
  /** The server's answer to our last patch, and the number of reports on our Node before it. */
  #patched: {
    readonly node: OwnNode;
    readonly rewinds: number;
    readonly ownReports: number;
  } | null = null;
  /** The Node as of the last acquisition: the feed has none of a Node that is too large to list. */
  #acquired: OwnNode | null = null;
  /** UID of the Node at the last publication. */
  #uid = "";
  #isNetworkUp = false;
  #isNetworkReported = false;
  readonly #wake = new Latest<null>();

  /** @param setCondition false where another program sets NetworkUnavailable */
  constructor(context: FollowContext, access: OwnNodeAccess, feed: NodeFeed, setCondition: boolean) {
    this.#context = context;
    this.#access = access;
    this.#feed = feed;
    this.#setCondition = setCondition;
  }

  /** @throws TweedError `invalid-lease`, `outside-network` */
  async checkNetwork(config: NetworkConfig, signal: AbortSignal): Promise<void> {
    const node = await this.#access.read(signal);
    if (node !== null && node.podCidrs.length > 0) usableSubnets(node, config);
  }

  /** @throws TweedError `invalid-lease`, `outside-network` (retryable, as the Node may be made anew) */
  async acquire({ config, content }: LeaseRequest, signal: AbortSignal): Promise<HeldLease> {
    const node = await this.#untilAssigned(signal);
    const subnets = this.#usableSubnets(node, config);
    this.#content = content;
    this.#warnOfUnreadable(node);
    const published = await this.#publish(node, content, signal);
    this.#acquired = published;
    this.#uid = published.uid;
    // As written, not as read back: annotations of others may make the Node's lease unreadable.
    const lease = {
      key: published.name,
      subnets,
      claimedAt: BigInt(published.createdAtMs),
      ...overwritten(content, published.annotations),
    };
    return { lease, expiresAtMs: null };
  }

  /** From now on the node condition is set; it is not touched before. */
  networkIsUp(): void {
    if (this.#isNetworkUp) return;
    this.#isNetworkUp = true;
    this.#wake.put(null);
  }

  /** Resolves with the reason when the subnet is no longer this node's. */
  async holdUntilLost({ lease }: HeldLease, signal: AbortSignal): Promise<string> {
    const { clock, random, log, timing } = this.#context;
    // Another program may undo our writes: then the back-off slows this down.
    const backoff = new Backoff({ ...timing.correctionMs, random });
    for await (const _ of this.#feed.changes(signal, this.#wake)) {
      for (let isUpToDate = false; !isUpToDate; ) {
        const node = this.#newest;
        if (node === null) return `node ${lease.key} does not exist any more`;
        if (node.uid !== this.#uid) return `node ${lease.key} was deleted and created again`;
        if (!isStillAssigned(node, lease.subnets)) {
          return `the node's podCIDRs are ${node.podCidrs.join(" and ") || "gone"} now`;
        }
        try {
          isUpToDate = await this.#correct(node, signal);
        } catch (error) {
          signal.throwIfAborted();
          if (!(error instanceof TweedError)) throw error;
          log.warn(
            { op: error.operation, code: error.code, reason: messageOf(error) },
            "Node not updated, will retry",
          );
        }
        if (!isUpToDate) await clock.sleep(backoff.nextMs(), signal);
      }
    }
    throw new Error("following the nodes ended by itself");
  }

  /**
   * The watch may lag behind the server's answer to our last patch, or be silent since the server was restored: as long
   * as it has delivered nothing of our Node since then, the answer counts, and then until the watch has reached its
   * version. In another history only the watch counts.
   */
  get #newest(): OwnNode | null {
    const watched = this.#feed.own;
    const patched = this.#patched;
    if (watched === null && this.#feed.isOwnTooLarge) return patched?.node ?? this.#acquired;
    const { version, rewinds } = this.#feed.position;
    if (patched === null || patched.rewinds !== rewinds) return watched;
    if (patched.ownReports === this.#feed.ownReports) return patched.node;
    const reached = version ?? watched?.version ?? "0";
    const isBehind = isOlderVersion(reached, patched.node.version);
    const isOlder = watched === null || isOlderVersion(watched.version, patched.node.version);
    return isBehind && isOlder ? patched.node : watched;
  }

  async #patch(request: () => Promise<OwnNode>): Promise<OwnNode> {
    const { ownReports, position } = this.#feed;
    const { rewinds } = position;
    const node = await request();
    this.#patched = { node, rewinds, ownReports };
    this.#feed.answered(node, rewinds);
    return node;
  }

  /** Writes the annotations and the condition that differ. True when there was nothing to do. */
  async #correct(node: OwnNode, signal: AbortSignal): Promise<boolean> {
    const { clock, log } = this.#context;
    const content = this.#content;
    const isPublished = content === null || isDeepStrictEqual(missing(node, content), {});
    if (!isPublished) {
      log.info(
        { op: "publish-lease", key: node.name },
        "annotations of the Node were changed, writing them again",
      );
      await this.#publish(node, content, signal);
    }
    const isReported = !this.#setCondition || !this.#isNetworkUp || this.#reportsNetworkUp(node);
    if (!isReported) {
      await this.#patch(() => this.#access.reportNetwork(clock.wallMs(), signal));
      this.#isNetworkReported = true;
      log.info({ op: "report-network", key: node.name }, "node condition NetworkUnavailable set to False");
    }
    return isPublished && isReported;
  }

  /** After our own report, the condition may come from others too: a cloud's route controller sets it. */
  #reportsNetworkUp({ networkUnavailable }: OwnNode): boolean {
    if (networkUnavailable?.status !== "False") return false;
    return this.#isNetworkReported || networkUnavailable.reason === NETWORK_IS_UP;
  }

  async #publish(node: OwnNode, content: LeaseContent, signal: AbortSignal): Promise<OwnNode> {
    const changes = missing(node, content);
    if (isDeepStrictEqual(changes, {})) return node;
    return this.#patch(() => this.#access.annotate(changes, signal));
  }

  /** Waits for the kubelet to register the Node, and for a controller to assign its podCIDR. */
  async #untilAssigned(signal: AbortSignal): Promise<OwnNode> {
    const first = await this.#access.read(signal);
    if (first !== null && first.podCidrs.length > 0) return first;
    const name = await this.#access.name(signal);
    const reason =
      first === null
        ? `there is no node ${name}; its kubelet has not registered it, or NODE_NAME is wrong`
        : `node ${name} has no podCIDR; the controller manager gives it one (--allocate-node-cidrs)`;
    this.#context.log.warn({ op: "acquire-lease", key: name, reason }, "waiting for the node's podCIDR");
    for await (const _ of this.#feed.changes(signal)) {
      const node = this.#feed.own;
      if (node !== null && node.podCidrs.length > 0) return node;
    }
    throw new Error("following the nodes ended by itself");
  }

  #usableSubnets(node: OwnNode, config: NetworkConfig): DualPrefix {
    const { subnets, fault } = usableSubnets(node, config);
    if (fault !== null)
      this.#context.log.warn(
        { op: "acquire-lease", key: node.name, reason: fault },
        "address family skipped",
      );
    return subnets;
  }

  #warnOfUnreadable({ name, annotations }: OwnNode): void {
    for (const [annotation, value] of Object.entries(unreadableAddresses(annotations))) {
      const reason = `annotation ${annotation} is ${JSON.stringify(value)}, expected an address of its family`;
      this.#context.log.warn({ op: "read-annotations", key: name, reason }, "annotation ignored");
    }
  }
}

function missing(node: OwnNode, content: LeaseContent): Readonly<Record<string, string | null>> {
  return missingAnnotations(node.annotations, contentAnnotations(overwritten(content, node.annotations)));
}

function isStillAssigned({ podCidrs }: OwnNode, held: DualPrefix): boolean {
  const assigned = readable(() => subnetsOf(podCidrs));
  return (
    assigned !== null &&
    FAMILIES.every((family) => held[family] === null || held[family] === assigned[family])
  );
}

const NETWORK_KEYS = { v4: "Network", v6: "IPv6Network" } as const;

/**
 * The podCIDRs of the node that are within the network, and why a family has none.
 * @throws TweedError `outside-network` when no family has one; retryable, as the Node may be made anew
 */
function usableSubnets(
  node: OwnNode,
  config: NetworkConfig,
): { readonly subnets: DualPrefix; readonly fault: string | null } {
  const outside = (reason: string, cause?: unknown) => {
    const operation = `use the podCIDRs of node ${node.name}`;
    return new TweedError({ code: "outside-network", operation, reason, retryable: true, cause });
  };
  let assigned: DualPrefix;
  try {
    assigned = subnetsOf(node.podCidrs);
  } catch (error) {
    throw outside(messageOf(error), error);
  }
  const faults: string[] = [];
  const keys: string[] = [];
  const isUsable = (family: Family): boolean => {
    const plan = config[family];
    const subnet = assigned[family];
    if (plan === null) return false;
    if (subnet !== null && containsPrefix(plan.network, subnet)) return true;
    if (subnet === null) faults.push(`the node has no podCIDR within ${plan.network}`);
    else faults.push(`podCIDR ${subnet} is not within ${plan.network}`);
    keys.push(NETWORK_KEYS[family]);
    return false;
  };
  const [v4, v6] = FAMILIES.map(isUsable);
  const fault = `${faults.join("; ")}; ${keys.join(" and ")} in net-conf.json has to be the controller manager's --cluster-cidr`;
  if (!v4 && !v6) throw outside(fault);
  const subnets = { v4: v4 ? assigned.v4 : null, v6: v6 ? assigned.v6 : null };
  return { subnets, fault: faults.length === 0 ? null : fault };
}
