/** Reads what says where the API server is and who this daemon is to it. */
import { access, readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import { load, YAMLException } from "js-yaml";
import type { KubernetesOptions } from "../../config/store-options.ts";

const ACCOUNT_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/**
 * As client-go: the kubeconfig, with the URL in place of its server; with neither, the cluster that the pod is in.
 * @param accountRoot what the path of the pod's own account is below
 */
export async function loadKubeConfig(
  { kubeconfigFile, apiUrl }: Pick<KubernetesOptions, "apiUrl" | "kubeconfigFile">,
  accountRoot: string,
): Promise<KubeConfig> {
  const config = new KubeConfig();
  if (kubeconfigFile !== null) await loadFromFile(config, kubeconfigFile);
  else if (apiUrl === null || (await exists(accountRoot + ACCOUNT_TOKEN)))
    loadFromPod(config, apiUrl, accountRoot);
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

/** The library knows a user's token file by another name only, and would never read it again. */
async function loadFromFile(config: KubeConfig, file: string): Promise<void> {
  const text = await readFile(file, "utf8");
  const { users } = parseYaml(text) as {
    readonly users?: readonly { readonly name?: unknown; readonly user?: { readonly tokenFile?: unknown } }[];
  };
  config.loadFromString(text);
  config.makePathsAbsolute(dirname(file));
  for (const { name, user } of users ?? []) {
    if (typeof user?.tokenFile !== "string") continue;
    const tokenFile = resolve(dirname(file), user.tokenFile);
    const index = config.users.findIndex((each) => each.name === name);
    const known = config.users[index];
    if (known !== undefined)
      config.users[index] = { ...known, authProvider: { name: "tokenFile", config: { tokenFile } } };
  }
}

/**
 * The library's errors quote the lines around a fault, which hold passwords, and /readyz shows errors to whoever asks.
 * @throws Error with the line and the parser's own words
 */
function parseYaml(text: string): object {
  let value: unknown;
  try {
    value = load(text);
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    throw new Error(`YAML fault at line ${error.mark.line + 1}: ${ownWords(error.reason)}`);
  }
  if (typeof value === "object" && value !== null) return value;
  throw new Error("it is no kubeconfig, expected clusters, users, contexts and current-context");
}

/** What follows a colon, a quotation mark or the sign of a tag is from the text: `unidentified alias "…"`. */
function ownWords(reason: string): string {
  return reason
    .split(/: |"|!</, 1)
    .join("")
    .trim();
}

function loadFromPod(config: KubeConfig, apiUrl: string | null, accountRoot: string): void {
  if (apiUrl === null && !process.env.KUBERNETES_SERVICE_HOST) {
    throw new Error(
      "this is no pod (KUBERNETES_SERVICE_HOST is not set), expected --kubeconfig-file or --kube-api-url",
    );
  }
  config.loadFromCluster(accountRoot);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
