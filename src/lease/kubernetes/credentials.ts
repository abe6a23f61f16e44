/** Where the API server is and what proves to it who is asking: kubeconfig, exec plugins, the pod's own account. */
import { createHash } from "node:crypto";
import { access } from "node:fs/promises";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent, type RequestOptions } from "node:https";
import { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import type { KubernetesOptions } from "../../config/store-options.ts";
import { messageOf, TweedError } from "../../runtime/error.ts";

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

const ACCOUNT_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token";
/** The kernel asks a connection that is silent for this long for a sign of life, so that a dead path shows. */
const KEEP_ALIVE_MS = 10_000;

export class Credentials {
  readonly #options: Options;
  readonly #idleMs: number;
  #config: KubeConfig | null = null;
  #agent: { readonly key: string; readonly agent: HttpAgent | HttpsAgent } | null = null;

  /** @param idleMs a connection is given up when it does not come about for so long, and when nobody uses it for so long */
  constructor(options: Options, idleMs: number) {
    this.#options = options;
    this.#idleMs = idleMs;
  }

  /** Reads tokens and certificates anew as they age. @throws TweedError `kubeconfig` */
  async access(): Promise<Access> {
    const isFresh = this.#config === null;
    try {
      this.#config ??= await load(this.#options);
      const server = this.#config.getCurrentCluster()?.server;
      if (server === undefined) throw new Error("it has no current context with a cluster");
      const applied: RequestOptions = {};
      await this.#config.applyToHTTPSOptions(applied);
      const authorization = typeof applied.auth === "string" ? basic(applied.auth) : {};
      return {
        url: new URL(server),
        headers: { ...textHeaders(applied.headers), ...authorization },
        agent: this.#agentFor(server, applied),
        isFresh,
      };
    } catch (error) {
      throw new TweedError({
        code: "kubeconfig",
        operation: `read credentials from ${this.#options.kubeconfigFile ?? "the pod's service account"}`,
        reason: messageOf(error),
        retryable: true,
        cause: error,
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
      timeout: this.#idleMs,
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

/** As client-go: the kubeconfig, with the URL in place of its server; with neither, the cluster that the pod is in. */
async function load({ kubeconfigFile, apiUrl }: Options): Promise<KubeConfig> {
  const config = new KubeConfig();
  if (kubeconfigFile !== null) config.loadFromFile(kubeconfigFile);
  else if (apiUrl === null || (await exists(ACCOUNT_TOKEN))) loadFromPod(config, apiUrl);
  else
    config.loadFromClusterAndUser({ name: "api", server: apiUrl, skipTLSVerify: false }, { name: "nobody" });

  const cluster = config.getCurrentCluster();
  const context = config.getContextObject(config.getCurrentContext());
  if (cluster === null || context === null) return config;
  const server = apiUrl ?? cluster.server;
  // The library takes plain http only with this; there is no certificate to verify then.
  const skipTLSVerify = server.startsWith("http:") || cluster.skipTLSVerify;
  const user = config.getCurrentUser() ?? { name: "nobody" };
  config.loadFromOptions({
    clusters: [{ ...cluster, server, skipTLSVerify }],
    users: [user],
    contexts: [{ ...context, cluster: cluster.name, user: user.name }],
    currentContext: context.name,
  });
  return config;
}

function loadFromPod(config: KubeConfig, apiUrl: string | null): void {
  if (apiUrl === null && !process.env.KUBERNETES_SERVICE_HOST) {
    throw new Error(
      "this is no pod (KUBERNETES_SERVICE_HOST is not set), expected --kubeconfig-file or --kube-api-url",
    );
  }
  config.loadFromCluster();
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
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
