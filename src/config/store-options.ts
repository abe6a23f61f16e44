/** The store of leases and its options: chosen as in flannel, or by `--store`. */
import { posix } from "node:path";
import { TweedError } from "../runtime/error.ts";
import { Secret } from "../runtime/secret.ts";
import { DEFAULT_CNI_CONF } from "./cni-options.ts";
import type { DAEMON_FLAGS } from "./daemon-flags.ts";
import { parseEtcdEndpoint } from "./etcd-endpoint.ts";
import type { FlagValues } from "./flag.ts";

export type StoreOptions = EtcdOptions | KubernetesOptions | FileStoreOptions;

export interface EtcdOptions {
  readonly kind: "etcd";
  /** At least one, as written: a URL of scheme http, https, unix or unixs, or host:port. */
  readonly endpoints: readonly string[];
  /** Without a trailing or doubled slash: a key is `${prefix}/config`. */
  readonly prefix: string;
  readonly tls: {
    readonly caFile: string | null;
    readonly clientCertificate: { readonly certFile: string; readonly keyFile: string } | null;
  };
  readonly credentials: { readonly username: string; readonly password: Secret } | null;
  readonly renewMarginMs: number;
}

export interface KubernetesOptions {
  readonly kind: "kubernetes";
  /** null for the kubeconfig's server or, without one, the cluster that the pod runs in. */
  readonly apiUrl: string | null;
  readonly kubeconfigFile: string | null;
  /** API server of the cluster that the pod runs in; null outside of one. */
  readonly apiService: { readonly host: string; readonly port: string } | null;
  /** As written; the store checks and completes it. */
  readonly annotationPrefix: string;
  readonly networkConfigFile: string;
  readonly node: NodeIdentity;
  readonly setNodeNetworkUnavailable: boolean;
}

/** The node's name, or the pod with it in `spec.nodeName`. */
export type NodeIdentity =
  | { readonly kind: "node"; readonly name: string }
  | { readonly kind: "pod"; readonly namespace: string; readonly name: string };

export interface FileStoreOptions {
  readonly kind: "file";
  readonly directory: string;
}

/** On Kubernetes the kubelet starts pods, and only the CNI configuration tells it about the network. */
const CNI_CONF_BY_STORE = { etcd: null, kubernetes: DEFAULT_CNI_CONF, file: null } as const;

/** The path of the CNI configuration with this store and without a flag; null for none. */
export function defaultCniConf({ kind }: StoreOptions): string | null {
  return CNI_CONF_BY_STORE[kind];
}

/** Warnings about options without effect, or with a dangerous one. */
export function storeWarnings(store: StoreOptions): readonly string[] {
  if (store.kind !== "etcd" || !store.endpoints[0]?.startsWith("http://")) return [];
  const { tls, credentials } = store;
  const hasCertificates = tls.caFile !== null || tls.clientCertificate !== null;
  return [
    ...(hasCertificates
      ? ["etcd certificates have no effect: the first of --etcd-endpoints is plain http"]
      : []),
    ...(credentials === null
      ? []
      : ["the etcd password is sent in plain text: the first of --etcd-endpoints is http"]),
  ];
}

type DaemonFlagValues = FlagValues<typeof DAEMON_FLAGS>;
type Environment = Readonly<Record<string, string | undefined>>;

/** @throws TweedError `usage` when flags contradict each other or one is missing */
export function readStoreOptions(flags: DaemonFlagValues, environment: Environment): StoreOptions {
  const kind = flags.store ?? (flags["kube-subnet-mgr"] ? "kubernetes" : "etcd");
  if (flags["kube-subnet-mgr"] && kind !== "kubernetes") {
    refuse("store", `${kind} contradicts --kube-subnet-mgr, expected one of the two flags`);
  }
  if (flags["store-path"] !== "" && kind !== "file") {
    refuse("store-path", `the ${kind} store has no directory, expected --store=file with it`);
  }
  switch (kind) {
    case "etcd":
      return readEtcdOptions(flags);
    case "kubernetes":
      return readKubernetesOptions(flags, environment);
    case "file":
      if (flags["store-path"] === "")
        refuse("store-path", "missing, expected the directory of the file store");
      return { kind, directory: flags["store-path"] };
  }
}

function readEtcdOptions(flags: DaemonFlagValues): EtcdOptions {
  const certFile = flags["etcd-certfile"];
  const keyFile = flags["etcd-keyfile"];
  if ((certFile === "") !== (keyFile === "")) {
    refuse(certFile === "" ? "etcd-certfile" : "etcd-keyfile", "missing: certificate and key go together");
  }
  const username = flags["etcd-username"];
  const password = flags["etcd-password"];
  if ((username === "") !== (password === "")) {
    refuse(
      username === "" ? "etcd-username" : "etcd-password",
      "missing: user name and password go together",
    );
  }
  return {
    kind: "etcd",
    endpoints: readEndpoints(flags["etcd-endpoints"]),
    prefix: readPrefix(flags["etcd-prefix"]),
    tls: {
      caFile: orNull(flags["etcd-cafile"]),
      clientCertificate: certFile === "" ? null : { certFile, keyFile },
    },
    credentials: username === "" ? null : { username, password: new Secret(password) },
    renewMarginMs: flags["subnet-lease-renew-margin"] * 60_000,
  };
}

function readEndpoints(list: string): readonly string[] {
  return list.split(",").map((item, index) => {
    const parsed = parseEtcdEndpoint(item);
    if ("fault" in parsed) refuse("etcd-endpoints", `endpoint ${index + 1} ${parsed.fault}`);
    return item.trim();
  });
}

/** As Go's path.Join: "//a/b/" is "/a/b". The root gives "", so that its keys begin with one slash. */
function readPrefix(prefix: string): string {
  if (prefix === "") refuse("etcd-prefix", "empty, expected a key prefix such as /coreos.com/network");
  return posix.normalize(prefix).replace(/\/$/, "");
}

function readKubernetesOptions(flags: DaemonFlagValues, environment: Environment): KubernetesOptions {
  if (flags["kube-api-url"].includes("@")) {
    refuse("kube-api-url", "contains credentials, expected them in a kubeconfig");
  }
  return {
    kind: "kubernetes",
    apiUrl: orNull(flags["kube-api-url"]),
    kubeconfigFile: orNull(flags["kubeconfig-file"]),
    apiService: readApiService(environment),
    annotationPrefix: flags["kube-annotation-prefix"],
    networkConfigFile: flags["net-config-path"],
    node: readNodeIdentity(environment),
    setNodeNetworkUnavailable: flags["set-node-network-unavailable"],
  };
}

function readApiService(environment: Environment): KubernetesOptions["apiService"] {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = "443" } = environment;
  return host ? { host, port } : null;
}

function readNodeIdentity(environment: Environment): NodeIdentity {
  const { NODE_NAME, POD_NAME, POD_NAMESPACE } = environment;
  if (NODE_NAME) return { kind: "node", name: NODE_NAME };
  if (POD_NAME && POD_NAMESPACE) return { kind: "pod", namespace: POD_NAMESPACE, name: POD_NAME };
  throw new TweedError({
    code: "usage",
    operation: "find the node's name",
    reason: "not set, expected the environment variable NODE_NAME, or both POD_NAME and POD_NAMESPACE",
  });
}

function orNull(text: string): string | null {
  return text === "" ? null : text;
}

function refuse(flag: keyof typeof DAEMON_FLAGS, reason: string): never {
  throw new TweedError({ code: "usage", operation: `check flag --${flag}`, reason });
}
