import { createHash } from "node:crypto";
import { messageOf } from "../../runtime/error.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { TokenBucket } from "../../runtime/token-bucket.ts";
import type { Notice } from "../notice.ts";
import { ApiError } from "./api-error.ts";
import type { FollowContext } from "./follow.ts";

/** A Node belongs to no namespace; its Events go where the kubelet puts them. */
const PATH = "/api/v1/namespaces/default/events";
/** After this many refusals by the server, paced as in an outage, the Event is dropped; the log has it. */
const MAX_REFUSALS = 5;
const MAX_MESSAGE_LENGTH = 1024;

/** client-go's limit for one source and one object: a flapping configuration must not fill etcd with Events. */
const RATE = { burst: 10, everyMs: 300_000 };

/**
 * Posts notices as Events on this daemon's Node. A notice repeated while its Event exists (an hour) is one Event. Of
 * notices beyond the rate only the newest is posted, as soon as the rate allows.
 */
export class NodeEvents {
  readonly #context: FollowContext;
  readonly #nodeName: (signal: AbortSignal) => Promise<string>;
  readonly #stop = new AbortController();
  readonly #bucket: TokenBucket;
  /** The newest notice beyond the rate. */
  #deferred: Notice | null = null;

  constructor(context: FollowContext, nodeName: (signal: AbortSignal) => Promise<string>) {
    this.#context = context;
    this.#nodeName = nodeName;
    this.#bucket = new TokenBucket(context.clock, RATE);
  }

  /** Returns at once. */
  post(notice: Notice): void {
    const isFirstDeferred = this.#deferred === null;
    if (isFirstDeferred && this.#bucket.take()) {
      this.#attempt(this.#post(notice));
      return;
    }
    this.#deferred = notice;
    if (isFirstDeferred) this.#attempt(this.#postDeferred());
  }

  async #postDeferred(): Promise<void> {
    await this.#context.clock.sleep(this.#bucket.waitMs(), this.#stop.signal);
    this.#bucket.take();
    const notice = this.#deferred;
    this.#deferred = null;
    if (notice !== null) await this.#post(notice);
  }

  #attempt(posting: Promise<void>): void {
    posting.catch((error: unknown) => {
      if (this.#stop.signal.aborted) return;
      this.#context.log.warn({ op: "post-event", reason: messageOf(error) }, "Event not posted");
    });
  }

  close(): void {
    this.#stop.abort(new Error("the store is closed"));
  }

  async #post(notice: Notice): Promise<void> {
    const { api, clock } = this.#context;
    const { signal } = this.#stop;
    const node = await this.#nodeName(signal);
    const create = eventOf(notice, node, clock.wallMs());
    const request = { operation: `post an Event on node ${node}`, path: PATH, create };
    for (let refusals = 0; ; ) {
      try {
        await api.read(request, signal);
        return;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof ApiError)) throw error;
        if (error.code === "store-conflict") return;
        if (error.isAnswer) refusals += 1;
        if (error.code !== "store-unavailable" || refusals === MAX_REFUSALS) throw error;
      }
    }
  }
}

/** With the Node's name in place of its uid, as `kubectl describe node` looks for it. */
function eventOf({ reason, message }: Notice, node: string, wallMs: number): JsonObject {
  const now = `${new Date(wallMs).toISOString().slice(0, 19)}Z`;
  const digest = createHash("sha256").update(`${reason}\n${message}`).digest("hex").slice(0, 16);
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: `${node}.${digest}`, namespace: "default" },
    involvedObject: { apiVersion: "v1", kind: "Node", name: node, uid: node },
    type: "Warning",
    reason,
    message: message.slice(0, MAX_MESSAGE_LENGTH),
    source: { component: "tweed", host: node },
    firstTimestamp: now,
    lastTimestamp: now,
    count: 1,
  };
}
