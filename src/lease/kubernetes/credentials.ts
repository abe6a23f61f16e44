/** Address of the API server and credentials for it: kubeconfig, exec plugins, the pod's service account. */
import type { Agent, RequestOptions } from "node:https";
import type { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import type { KubernetesOptions } from "../../config/store-options.ts";
import { abortable } from "../../runtime/abortable.ts";
import type { Clock } from "../../runtime/clock.ts";
import { messageOf, TweedError } from "../../runtime/error.ts";
import type { Files } from "../../runtime/files.ts";
import { linkedAbort } from "../../runtime/linked-abort.ts";
import { withDeadline } from "../../runtime/timer.ts";
import { loadKubeConfig } from "./kubeconfig.ts";

/** Address and credentials for one request. */
export interface Access {
  /** Base URL of the API server, with the API's base path, if any. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** TLS options of the connection; the same for the next one unless files or plugins changed. */
  readonly tls: Pick<RequestOptions, "ca" | "cert" | "key" | "servername" | "rejectUnauthorized">;
  /** For the proxy that the kubeconfig names; null without one. */
  readonly proxyAgent: Agent | null;
  /** True when read for this request; otherwise it may be out of date. */
  readonly isFresh: boolean;
}

type Options = Pick<KubernetesOptions, "apiUrl" | "kubeconfigFile" | "apiService">;

export interface CredentialsParts {
  readonly files: Files;
  readonly clock: Clock;
  /** Root directory of the service account's path; for tests. */
  readonly accountRoot?: string;
}

/** Limits the text of a failing plugin, which readiness shows. */
const MAX_REASON_LENGTH = 200;

export class Credentials {
  readonly #options: Options;
  readonly #waitMs: number;
  readonly #parts: CredentialsParts;
  #config: KubeConfig | null = null;

  /** @param waitMs for plugins */
  constructor(options: Options, waitMs: number, parts: CredentialsParts) {
    this.#options = options;
    this.#waitMs = waitMs;
    this.#parts = parts;
  }

  /** Reads expired tokens and certificates again. @throws TweedError `kubeconfig` */
  async access(signal: AbortSignal): Promise<Access> {
    const isFresh = this.#config === null;
    return withDeadline(this.#parts.clock, this.#waitMs, async (late) => {
      const ended = linkedAbort(signal, late);
      try {
        return { ...(await this.#read(ended.signal)), isFresh };
      } catch (error) {
        signal.throwIfAborted();
        throw new TweedError({
          code: "kubeconfig",
          operation: `read credentials from ${this.#options.kubeconfigFile ?? "the pod's service account"}`,
          reason: late.aborted ? `no result within ${this.#waitMs / 1000} s` : reasonOf(error),
          retryable: true,
        });
      } finally {
        ended.abort();
      }
    });
  }

  async #read(signal: AbortSignal): Promise<Omit<Access, "isFresh">> {
    const { accountRoot = "" } = this.#parts;
    this.#config ??= await loadKubeConfig(this.#options, this.#parts, accountRoot);
    const cluster = this.#config.getCurrentCluster();
    if (cluster?.server === undefined) throw new Error("it has no current context with a cluster");
    const applied: RequestOptions = {};
    await abortable(this.#config.applyToHTTPSOptions(applied), signal);
    const { ca, cert, key, servername, rejectUnauthorized } = applied;
    const authorization = typeof applied.auth === "string" ? basic(applied.auth) : {};
    return {
      url: new URL(cluster.server),
      headers: { ...textHeaders(applied.headers), ...authorization },
      tls: {
        ...(ca === undefined ? {} : { ca }),
        ...(cert === undefined ? {} : { cert }),
        ...(key === undefined ? {} : { key }),
        ...(servername === undefined ? {} : { servername }),
        ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
      },
      proxyAgent: cluster.proxyUrl == null ? null : (applied.agent as Agent),
    };
  }

  /** To be called when the server refused them: the next request reads files and runs plugins again. */
  forget(): void {
    this.#config = null;
  }
}

/** Hides the message of JSON.parse, which quotes the text: a plugin's output is the credentials. */
function reasonOf(error: unknown): string {
  if (error instanceof SyntaxError) return "the plugin's output is not JSON";
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
