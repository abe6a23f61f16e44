/** Keys and certificates of a cluster, and its kubeconfigs, in one directory. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { DualIp } from "../../src/net/index.ts";
import { run } from "../../src/runtime/program.ts";
import { CertificateAuthority } from "../support/certificates.ts";
import { firstIp, urlHost } from "./address-plan.ts";
import {
  apiServerRequest,
  type CertificateRequest,
  CLIENTS,
  extensionsOf,
  KUBELET_CLIENT,
  kubeletRequest,
  subjectOf,
} from "./certificate-requests.ts";
import { API_PORT } from "./control-plane-flags.ts";
import { kubeconfig } from "./kubeconfig.ts";
import type { Families } from "./options.ts";

export class Pki {
  readonly #directory: string;
  readonly #authority: CertificateAuthority;
  readonly #server: string;

  private constructor(directory: string, authority: CertificateAuthority, server: string) {
    this.#directory = directory;
    this.#authority = authority;
    this.#server = server;
  }

  /** @param directory exists, and is empty @param ips of the control plane */
  static async create(
    directory: string,
    families: Families,
    ips: DualIp,
    nodes: readonly { readonly name: string; readonly ips: DualIp }[],
  ): Promise<Pki> {
    const authority = await CertificateAuthority.create(directory);
    const pki = new Pki(directory, authority, `https://${urlHost(firstIp(ips))}:${API_PORT}`);
    const kubelets = nodes.map(kubeletRequest);
    const clients = [...CLIENTS, ...kubelets];
    await Promise.all([
      run("openssl", ["genrsa", "-out", pki.file("service-account.key"), "2048"]),
      ...[apiServerRequest(families, ips), KUBELET_CLIENT, ...clients].map((each) => pki.#issue(each)),
    ]);
    await Promise.all(clients.map((client) => pki.#writeKubeconfig(client)));
    return pki;
  }

  /** Path of a file such as "ca.crt". */
  file(name: string): string {
    return join(this.#directory, name);
  }

  kubeconfigFile(client: string): string {
    return this.file(`${client}.kubeconfig`);
  }

  async #issue(request: CertificateRequest): Promise<void> {
    await this.#authority.sign(request.file, subjectOf(request), extensionsOf(request));
  }

  async #writeKubeconfig({ file, user }: CertificateRequest): Promise<void> {
    const read = (name: string) => readFile(this.file(name), "utf8");
    const [authority, certificate, key] = await Promise.all([
      read("ca.crt"),
      read(`${file}.crt`),
      read(`${file}.key`),
    ]);
    const text = kubeconfig({ server: this.#server, user, authority, certificate, key });
    await writeFile(this.kubeconfigFile(file), text, { mode: 0o600 });
  }
}
