import type { NodeIdentity } from "../../config/store-options.ts";
import { isJsonObject, type JsonObject } from "../../runtime/json.ts";
import type { Api, ApiRequest } from "./api.ts";
import { ApiError } from "./api-error.ts";
import { parseJson } from "./json-cursor.ts";
import { type OwnNode, readOwnNode } from "./node-record.ts";

/** Finds, reads and patches this daemon's own Node. Retries during outages; throws every other failure. */
export class OwnNodeAccess {
  readonly #api: Api;
  readonly #identity: NodeIdentity;
  readonly #prefix: string;
  #name: string | null;

  constructor(api: Api, identity: NodeIdentity, prefix: string) {
    this.#api = api;
    this.#identity = identity;
    this.#prefix = prefix;
    this.#name = identity.kind === "node" ? identity.name : null;
  }

  /** @throws ApiError when the pod that names the node cannot be read, or has no node */
  async name(signal: AbortSignal): Promise<string> {
    if (this.#identity.kind === "pod") this.#name ??= await this.#nameFromPod(this.#identity, signal);
    return this.#name ?? "";
  }

  /** null while the Node does not exist. The answer may be slightly out of date. */
  async read(signal: AbortSignal): Promise<OwnNode | null> {
    const name = await this.name(signal);
    const query = { resourceVersion: "0" };
    try {
      const answer = await this.#ask({ operation: `read node ${name}`, path: nodePath(name), query }, signal);
      return readOwnNode(answer, this.#prefix);
    } catch (error) {
      if (error instanceof ApiError && error.code === "store-missing") return null;
      throw error;
    }
  }

  /**
   * Patches the status subresource, the only one that the daemon may patch; it accepts annotations too.
   * @param annotations by their names after the prefix; null removes one
   */
  annotate(annotations: Readonly<Record<string, string | null>>, signal: AbortSignal): Promise<OwnNode> {
    const named = Object.entries(annotations).map(([name, value]) => [this.#prefix + name, value] as const);
    return this.#patch("annotate", { metadata: { annotations: Object.fromEntries(named) } }, signal);
  }

  /** Sets the condition with flannel's texts: the taint that keeps pods away is then removed. */
  reportNetwork(wallMs: number, signal: AbortSignal): Promise<OwnNode> {
    const now = `${new Date(wallMs).toISOString().slice(0, 19)}Z`;
    const condition = {
      type: "NetworkUnavailable",
      status: "False",
      reason: NETWORK_IS_UP,
      message: "Flannel is running on this node",
      lastTransitionTime: now,
      lastHeartbeatTime: now,
    };
    return this.#patch("set NetworkUnavailable on", { status: { conditions: [condition] } }, signal);
  }

  async #patch(verb: string, patch: JsonObject, signal: AbortSignal): Promise<OwnNode> {
    const name = await this.name(signal);
    const request = { operation: `${verb} node ${name}`, path: `${nodePath(name)}/status`, patch };
    return readOwnNode(await this.#ask(request, signal), this.#prefix);
  }

  async #nameFromPod(
    { namespace, name }: { readonly namespace: string; readonly name: string },
    signal: AbortSignal,
  ): Promise<string> {
    const operation = `find the node of pod ${namespace}/${name}`;
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}`;
    const pod = parseJson((await this.#ask({ operation, path }, signal)).toString());
    const spec = isJsonObject(pod) ? pod.spec : null;
    const nodeName = isJsonObject(spec) ? spec.nodeName : null;
    if (typeof nodeName === "string" && nodeName !== "") return nodeName;
    const reason = "the pod has no spec.nodeName; set NODE_NAME";
    throw new ApiError({ operation, code: "store-missing", reason, isAnswer: true });
  }

  async #ask(request: ApiRequest, signal: AbortSignal): Promise<Buffer> {
    for (;;) {
      try {
        return await this.#api.read(request, signal);
      } catch (error) {
        signal.throwIfAborted();
        // `Outage` paces and logs these; a patch may be repeated, as it is idempotent.
        if (!(error instanceof ApiError) || error.code !== "store-unavailable") throw error;
      }
    }
  }
}

export const NETWORK_IS_UP = "FlannelIsUp";

function nodePath(name: string): string {
  return `/api/v1/nodes/${encodeURIComponent(name)}`;
}
