/** The volumes that a kubelet mounts into the daemon's pod: the network configuration and the credentials. */
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

  constructor(wallMs: () => number) {
    this.#disk = new MemoryDisk(wallMs);
    this.#writer = new MemoryFiles(this.#disk);
    this.#writer.put(MountedVolumes.kubeconfigFile, kubeconfig(`${CREDENTIALS}/token`));
    this.#writer.put(`${CONFIGURATION}/cni-conf.json`, "{}");
  }

  /** The view of one run of the daemon. */
  open(life: Life): Files {
    return new LifeFiles(new MemoryFiles(this.#disk), life);
  }

  putToken(token: string): void {
    this.#writer.put(`${CREDENTIALS}/token`, `${token}\n`);
  }

  configure(text: string): void {
    this.#writer.put(MountedVolumes.networkConfigFile, text);
  }
}

/** JSON, which is YAML too. Plain HTTP, as the client library reads certificates from the real file system. */
function kubeconfig(tokenFile: string): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "cluster", cluster: { server: SERVER_URL } }],
    users: [{ name: "daemon", user: { tokenFile } }],
    contexts: [{ name: "pod", context: { cluster: "cluster", user: "daemon" } }],
    "current-context": "pod",
  });
}
