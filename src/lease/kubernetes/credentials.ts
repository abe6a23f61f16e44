/** Where the API server is and what proves to it who is asking: kubeconfig, exec plugins, the pod's own account. */
import { createHash } from "node:crypto";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent, type RequestOptions } from "node:https";
import type { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import type { KubernetesOptions } from "../../config/store-options.ts";
import { abortable } from "../../runtime/abortable.ts";
import { messageOf, TweedError } from "../../runtime/error.ts";
import { loadKubeConfig } from "./kubeconfig.ts";

/** What one request needs. */
export interface Access {
  /** Of the API server, with the path below which the API lies, if any. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly agent: HttpAgent | HttpsAgent;
  /** Read for this request; otherwise it may be out of date. */
  readonly isFresh: boolean;
}

type Options = Pick<KubernetesOptions, "apiUrl" | "kubeconfigFile">;

/** The kernel asks a connection that is silent for this long for a sign of life, and then every second, ten times. */
export const KEEP_ALIVE_MS = 10_000;

/** Of what a plugin that fails may say; readiness shows it. */
const MAX_REASON_LENGTH = 200;

export class Credentials {
  readonly #options: Options;
  readonly #waitMs: number;
  readonly #accountRoot: string;
  #config: KubeConfig | null = null;
  #agent: { readonly key: string; readonly agent: HttpAgent | HttpsAgent } | null = null;

  /**
   * @param waitMs for plugins, and for a connection: until it comes about, and while nobody uses it
   * @param accountRoot what the path of the pod's own account is below; for tests
   */
  constructor(options: Options, waitMs: number, accountRoot = "") {
    this.#options = options;
    this.#waitMs = waitMs;
    this.#accountRoot = accountRoot;
  }

  /** Reads tokens and certificates anew as they age. @throws TweedError `kubeconfig` */
  async access(signal: AbortSignal): Promise<Access> {
    const isFresh = this.#config === null;
    const late = AbortSignal.timeout(this.#waitMs);
    try {
      this.#config ??= await loadKubeConfig(this.#options, this.#accountRoot);
      const server = this.#config.getCurrentCluster()?.server;
      if (server === undefined) throw new Error("it has no current context with a cluster");
      const applied: RequestOptions = {};
      await abortable(this.#config.applyToHTTPSOptions(applied), AbortSignal.any([signal, late]));
      const authorization = typeof applied.auth === "string" ? basic(applied.auth) : {};
      return {
        url: new URL(server),
        headers: { ...textHeaders(applied.headers), ...authorization },
        agent: this.#agentFor(server, applied),
        isFresh,
      };
    } catch (error) {
      signal.throwIfAborted();
      throw new TweedError({
        code: "kubeconfig",
        operation: `read credentials from ${this.#options.kubeconfigFile ?? "the pod's service account"}`,
        reason: late.aborted ? `nothing came within ${this.#waitMs / 1000} s` : reasonOf(error),
        retryable: true,
      });
    }
  }

  /** They were refused: the next request reads files and asks plugins again. */
  forget(): void {
    this.#config = null;
  }

  close(): void {
    this.#agent?.agent.destroy();
    this.#agent = null;
  }

  /** Connections are kept as long as what they were made with stays the same. */
  #agentFor(server: string, applied: RequestOptions): HttpAgent | HttpsAgent {
    const { ca, cert, key, servername, rejectUnauthorized } = applied;
    const digest = createHash("sha256");
    for (const part of [server, servername, rejectUnauthorized, ca, cert, key]) digest.update(`${part}\n`);
    const digested = digest.digest("hex");
    if (this.#agent?.key === digested) return this.#agent.agent;
    this.#agent?.agent.destroy();
    const keepAlive = {
      keepAlive: true,
      keepAliveMsecs: KEEP_ALIVE_MS,
      maxFreeSockets: 1,
      timeout: this.#waitMs,
    };
    const tls = {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(servername === undefined ? {} : { servername }),
      ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    };
    const isProxied = this.#config?.getCurrentCluster()?.proxyUrl != null;
    const agent = isProxied
      ? (applied.agent as HttpsAgent)
      : server.startsWith("https:")
        ? new HttpsAgent({ ...tls, ...keepAlive })
        : new HttpAgent(keepAlive);
    this.#agent = { key: digested, agent };
    return agent;
  }
}

/** What JSON.parse says quotes the text, which is what a plugin writes: the credentials themselves. */
function reasonOf(error: unknown): string {
  if (error instanceof SyntaxError) return "the plugin's output is no JSON";
  const [line = ""] = messageOf(error).trim().split("\n", 1);
  return line.slice(0, MAX_REASON_LENGTH);
}

/** A token file may end in a newline, which a header must not. */
function textHeaders(headers: RequestOptions["headers"]): Record<string, string> {
  const entries = Object.entries(headers ?? {}).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value).trim()] as const],
  );
  return Object.fromEntries(entries);
}

function basic(credentials: string): Record<string, string> {
  return { Authorization: `Basic ${Buffer.from(credentials).toString("base64")}` };
}
