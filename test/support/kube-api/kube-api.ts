/** An API server for one test file or lab: a real one if installed, else a stand-in, behind the same front. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonObject } from "../../../src/runtime/json.ts";
import { CertificateAuthority } from "../certificates.ts";
import { ADMIN_TOKEN, Front, type ListenAddress } from "./front.ts";
import type { RealServer } from "./real-server.ts";
import { StandIn, type StandInOptions } from "./stand-in.ts";

export interface KubeApiOptions extends StandInOptions, ListenAddress {
  /** Directory for its files; without it one of its own. */
  readonly directory: string;
}

export class KubeApi {
  readonly front: Front;
  /** null for a real server. */
  readonly standIn: StandIn | null;
  readonly directory: string;
  readonly #authority: CertificateAuthority;
  readonly #ca: Buffer;
  readonly #real: RealServer | null;

  private constructor(
    front: Front,
    standIn: StandIn | null,
    directory: string,
    authority: CertificateAuthority,
    ca: Buffer,
    real: RealServer | null,
  ) {
    this.front = front;
    this.standIn = standIn;
    this.directory = directory;
    this.#authority = authority;
    this.#ca = ca;
    this.#real = real;
  }

  static async start(options: Partial<KubeApiOptions> = {}): Promise<KubeApi> {
    const { host = "127.0.0.1", port = 0 } = options;
    const directory = options.directory ?? (await mkdtemp(join(tmpdir(), "tw-kube-")));
    const authority = await CertificateAuthority.create(directory);
    const certificate = await authority.issue("kube-apiserver", host);
    const program = realApiServer();
    const real =
      program === null
        ? null
        : await (await import("./real-server.ts")).RealServer.start(program, { directory, authority });
    const standIn =
      real === null ? new StandIn({ bookmarkMs: 60_000, pagesFromCache: true, ...options }) : null;
    const answer = real?.answer ?? standIn?.answer;
    if (answer === undefined) throw new Error("nobody answers");
    const front = new Front(answer, certificate, { host, port });
    await front.start();
    const ca = await readFile(authority.certFile);
    return new KubeApi(front, standIn, directory, authority, ca, real);
  }

  async stop(): Promise<void> {
    await this.front.stop();
    await this.#real?.stop();
    await rm(this.directory, { recursive: true, force: true });
  }

  /** A kubeconfig whose user has the token of a token file. @returns its path */
  async kubeconfig(
    name: string,
    token: string,
  ): Promise<{ readonly file: string; readonly tokenFile: string }> {
    const tokenFile = join(this.directory, `${name}.token`);
    await writeFile(tokenFile, token);
    this.front.tokens.add(token);
    const file = join(this.directory, `${name}.kubeconfig`);
    const config = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [
        { name: "c", cluster: { server: this.front.url, "certificate-authority": this.#authority.certFile } },
      ],
      users: [{ name: "u", user: { "auth-provider": { name: "tokenFile", config: { tokenFile } } } }],
      contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
      "current-context": "x",
    };
    await writeFile(file, JSON.stringify(config));
    return { file, tokenFile };
  }

  create(object: JsonObject, path = "/api/v1/nodes"): Promise<JsonObject> {
    return this.admin("POST", path, object);
  }

  /** Patches everything except its status. */
  patch(name: string, patch: JsonObject): Promise<JsonObject> {
    return this.admin("PATCH", `/api/v1/nodes/${name}`, patch);
  }

  patchStatus(name: string, status: JsonObject): Promise<JsonObject> {
    return this.admin("PATCH", `/api/v1/nodes/${name}/status`, { status });
  }

  delete(name: string): Promise<JsonObject> {
    return this.admin("DELETE", `/api/v1/nodes/${name}`);
  }

  get(name: string): Promise<JsonObject> {
    return this.admin("GET", `/api/v1/nodes/${name}`);
  }

  async deleteAll(): Promise<void> {
    if (this.standIn !== null) {
      this.standIn.nodes.clear();
      return;
    }
    const { items } = (await this.admin("GET", "/api/v1/nodes")) as unknown as {
      items: { metadata: { name: string } }[];
    };
    for (const { metadata } of items) await this.delete(metadata.name);
  }

  admin(method: string, path: string, body: JsonObject | null = null): Promise<JsonObject> {
    return new Promise((resolve, reject) => {
      const type = method === "PATCH" ? "application/strategic-merge-patch+json" : "application/json";
      const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": type };
      const sent = request(
        this.front.url + path,
        { method, headers, ca: this.#ca, agent: false },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("error", reject);
          response.on("end", () => {
            const text = Buffer.concat(chunks).toString();
            if ((response.statusCode ?? 0) < 300) resolve(JSON.parse(text) as JsonObject);
            else reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`));
          });
        },
      );
      sent.on("error", reject);
      sent.end(body === null ? undefined : JSON.stringify(body));
    });
  }
}

/** The path of a kube-apiserver by the envtest convention, or null. Its etcd is the one of the other suites. */
export function realApiServer(): string | null {
  const { TEST_ASSET_KUBE_APISERVER, KUBEBUILDER_ASSETS } = process.env;
  if (TEST_ASSET_KUBE_APISERVER) return TEST_ASSET_KUBE_APISERVER;
  return KUBEBUILDER_ASSETS ? join(KUBEBUILDER_ASSETS, "kube-apiserver") : null;
}
