/** A kubeconfig, and a service account's files. The operator writes them; an error must not show the secrets in them. */
import type { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import { Credentials } from "../../../src/lease/kubernetes/credentials.ts";
import { loadKubeConfig } from "../../../src/lease/kubernetes/kubeconfig.ts";
import { TweedError } from "../../../src/runtime/error.ts";
import { STILL_CLOCK } from "../still-clock.ts";
import { bytesOf, type FuzzTarget, invariant } from "../target.ts";
import { filesOf } from "./files-of-input.ts";

/** Stands for every secret in the seeds; nothing shows a part of it. */
const SECRET = "hunter2hunter2";

const SEEDS = [
  `apiVersion: v1
kind: Config
clusters:
- name: here
  cluster:
    server: https://192.0.2.1:6443/base
    insecure-skip-tls-verify: true
    tls-server-name: api
users:
- name: me
  user:
    token: ${SECRET}
contexts:
- name: default
  context: {cluster: here, user: me, namespace: kube-system}
current-context: default
`,
  `clusters: [{name: here, cluster: {server: "http://127.0.0.1:8001", certificate-authority-data: ${SECRET}}}]
users: [{name: me, user: {username: admin, password: "${SECRET}"}}]
contexts: [{name: default, context: {cluster: here, user: me}}]
current-context: default
`,
  `{"clusters":[{"name":"here","cluster":{"server":"https://a","proxy-url":"http://p:1"}}],"users":[{"name":"me","user":{"client-certificate-data":"${SECRET}","client-key-data":"${SECRET}"}}],"contexts":[{"name":"d","context":{"cluster":"here","user":"me"}}],"current-context":"d"}`,
  `anchors: &a {token: ${SECRET}}\nusers: [{name: me, user: {<<: *a}}]\nclusters: []\ncontexts: []\ncurrent-context: ""\n`,
];

export const kubeconfig: FuzzTarget = {
  name: "kubeconfig",
  grammar: "lines",
  seeds: SEEDS.map(bytesOf),
  words: [
    ...[
      "clusters:",
      "users:",
      "contexts:",
      "current-context:",
      "cluster:",
      "user:",
      "context:",
      "server:",
      "name:",
    ],
    ...[
      "token:",
      "tokenFile:",
      "username:",
      "password:",
      "proxy-url:",
      "- ",
      "  ",
      "&a ",
      "*a",
      "<<: ",
      "!!js/function ",
      "!!binary ",
    ],
    ...["|\n", ">\n", "? ", "---\n", "%YAML 1.2\n", "https://[::1]:6443", "http:", SECRET],
  ],
  refusals: /^kubeconfig$/,
  maxBytes: 64 * 1024,
  async run(input) {
    const files = filesOf((path) => (path === FILE ? input : null));
    const options = { kubeconfigFile: FILE, apiUrl: null, apiService: null };
    const config = await loadKubeConfig(options, { files, clock: STILL_CLOCK }, "/nowhere").catch(() => null);
    // A plugin would be executed, a file of the host be read: what the operator asks for is not what is tested.
    if (config !== null && reachesOut(config)) return undefined;
    try {
      const { url, headers } = await new Credentials(options, 1000, { files, clock: STILL_CLOCK }).access(
        NO_ABORT,
      );
      invariant(typeof url.href === "string", "a server is a URL");
      for (const value of Object.values(headers)) invariant(typeof value === "string", "a header is text");
    } catch (error) {
      if (error instanceof TweedError)
        invariant(!error.message.includes(SECRET.slice(0, 7)), "no secret is shown");
      throw error;
    }
    return undefined;
  },
};

const FILE = "/fuzz/kubeconfig";
const NO_ABORT = new AbortController().signal;

function reachesOut(config: KubeConfig): boolean {
  const user = config.getCurrentUser();
  const cluster = config.getCurrentCluster();
  return (
    user?.exec != null ||
    user?.authProvider != null ||
    [user?.certFile, user?.keyFile, cluster?.caFile].some((file) => file != null)
  );
}
