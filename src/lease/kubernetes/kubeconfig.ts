/** Loads the address of the API server and this daemon's credentials. */
import { dirname, resolve } from "node:path";
import { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import { load, YAMLException } from "js-yaml";
import type { KubernetesOptions } from "../../config/store-options.ts";
import type { Clock } from "../../runtime/clock.ts";
import { type Files, readText } from "../../runtime/files.ts";
import { readKubeconfigShape } from "./kubeconfig-shape.ts";
import { TokenFiles, withTokenFile } from "./token-file.ts";

const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
/** A kubeconfig with the certificates of a hundred clusters is smaller. */
const MAX_BYTES = 16 * 1024 * 1024;
/** Ports where client libraries speak plain HTTP to the API server. */
const PLAIN_PORTS: readonly string[] = ["80", "8080", "8001"];

/**
 * As client-go: the kubeconfig, with `apiUrl` in place of its server; with neither, the cluster that the pod is in.
 * @param accountRoot root directory of the service account's path
 */
export async function loadKubeConfig(
  { kubeconfigFile, apiUrl, apiService }: Pick<KubernetesOptions, "apiUrl" | "kubeconfigFile" | "apiService">,
  { files, clock }: { readonly files: Files; readonly clock: Clock },
  accountRoot: string,
): Promise<KubeConfig> {
  const config = new KubeConfig();
  config.addAuthenticator(new TokenFiles(files, clock));
  if (kubeconfigFile !== null) await loadFromFile(config, files, kubeconfigFile);
  else if (apiUrl === null || (await exists(files, `${accountRoot}${ACCOUNT}/token`)))
    loadFromPod(config, apiUrl ?? serviceUrl(apiService), accountRoot + ACCOUNT);
  else
    config.loadFromClusterAndUser({ name: "api", server: apiUrl, skipTLSVerify: false }, { name: "nobody" });

  const cluster = config.getCurrentCluster();
  const context = config.getContextObject(config.getCurrentContext());
  if (cluster === null || context === null) return config;
  const server = apiUrl ?? cluster.server;
  // The library accepts plain http only with this; there is no certificate to verify then.
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

/** The library itself would read a user's token file once, and that of the auth provider `tokenFile` synchronously. */
async function loadFromFile(config: KubeConfig, files: Files, file: string): Promise<void> {
  const text = await readText(files, file, MAX_BYTES);
  const { users } = readKubeconfigShape(parseYaml(text));
  config.loadFromString(text);
  config.makePathsAbsolute(dirname(file));
  config.users = config.users.map((known) => {
    const written = users.find(({ name }) => name === known.name)?.user?.tokenFile;
    const provided: unknown = known.authProvider?.config?.tokenFile;
    if (typeof written === "string") return withTokenFile(known, resolve(dirname(file), written));
    return typeof provided === "string" ? withTokenFile(known, provided) : known;
  });
}

/**
 * Hides the library's errors: they quote the lines around a fault, which may contain passwords, and /readyz is public.
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
  throw new Error("it is not a kubeconfig, expected clusters, users, contexts and current-context");
}

/** Cuts off what quotes the text, after a colon, a quotation mark or the sign of a tag: `unidentified alias "…"`. */
function ownWords(reason: string): string {
  return reason
    .split(/: |"|!</, 1)
    .join("")
    .trim();
}

/** As the library's `loadFromCluster`, which reads the environment by itself. */
function loadFromPod(config: KubeConfig, server: string, account: string): void {
  config.loadFromOptions({
    clusters: [{ name: "inCluster", caFile: `${account}/ca.crt`, server, skipTLSVerify: false }],
    users: [withTokenFile({ name: "inClusterUser" }, `${account}/token`)],
    contexts: [{ name: "inClusterContext", cluster: "inCluster", user: "inClusterUser" }],
    currentContext: "inClusterContext",
  });
}

function serviceUrl(service: KubernetesOptions["apiService"]): string {
  if (service === null) {
    throw new Error(
      "not in a pod (KUBERNETES_SERVICE_HOST is not set), expected --kubeconfig-file or --kube-api-url",
    );
  }
  const { host, port } = service;
  const scheme = PLAIN_PORTS.includes(port) ? "http" : "https";
  return `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function exists(files: Files, path: string): Promise<boolean> {
  return files.status(path).then(
    () => true,
    () => false,
  );
}
