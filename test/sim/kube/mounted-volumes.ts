/** The volumes that a kubelet mounts into the daemon's pod: the network configuration and the credentials. */
import { dump } from "js-yaml";
import type { Files } from "../../../src/runtime/files.ts";
import { MemoryDisk } from "../../support/memory-disk.ts";
import { MemoryFiles } from "../../support/memory-files.ts";
import type { Life } from "../life.ts";
import { LifeFiles } from "../life-files.ts";

const SERVER_URL = "http://kubernetes.default.svc:8080";
const CREDENTIALS = "/var/run/secrets/api";
const CONFIGURATION = "/etc/kube-flannel";

export class MountedVolumes {
  static readonly kubeconfigFile = `${CREDENTIALS}/kubeconfig`;
  static readonly networkConfigFile = `${CONFIGURATION}/net-conf.json`;
  readonly #disk: MemoryDisk;
  readonly #writer: MemoryFiles;

  readonly #form: number;

  /** @param form selects the form of the kubeconfig */
  constructor(wallMs: () => number, form: number) {
    this.#form = form;
    this.#disk = new MemoryDisk(wallMs);
    this.#writer = new MemoryFiles(this.#disk);
    this.#writer.put(`${CONFIGURATION}/cni-conf.json`, "{}");
  }

  /** The view of one run of the daemon. */
  open(life: Life): Files {
    return new LifeFiles(new MemoryFiles(this.#disk), life);
  }

  putToken(token: string): void {
    this.#writer.put(`${CREDENTIALS}/token`, `${token}\n`);
    this.#writer.put(MountedVolumes.kubeconfigFile, kubeconfig(this.#form, token));
  }

  configure(text: string): void {
    this.#writer.put(MountedVolumes.networkConfigFile, text);
  }
}

/**
 * As kubeadm, operators and older tools write it: JSON or YAML, the token in a file, in the text or by an auth provider,
 * certificates in the text. Plain HTTP, as the client library reads certificates from the real file system.
 */
function kubeconfig(form: number, token: string): string {
  const tokenFile = `${CREDENTIALS}/token`;
  const users: readonly object[] = [
    { tokenFile },
    { tokenFile: "token" },
    { token },
    { "auth-provider": { name: "tokenFile", config: { tokenFile } } },
    { tokenFile, "client-certificate-data": CERTIFICATE, "client-key-data": CERTIFICATE },
  ];
  const tls = { "certificate-authority-data": CERTIFICATE, "tls-server-name": "kubernetes" };
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "cluster", cluster: { server: SERVER_URL, ...(form % 5 === 4 ? tls : {}) } }],
    users: [{ name: "daemon", user: users[form % 5] }],
    contexts: [{ name: "pod", context: { cluster: "cluster", user: "daemon" } }],
    "current-context": "pod",
  };
  return form % 2 === 0 ? JSON.stringify(config) : dump(config);
}

/** The library decodes it, and the simulated connection does not look at it. */
const CERTIFICATE = Buffer.from("-----BEGIN CERTIFICATE-----").toString("base64");
