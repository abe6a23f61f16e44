/** A real API server with the shipped manifest applied, and tokens as the kubelet gets them for daemons' pods. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonObject } from "../../src/runtime/json.ts";
import { CertificateAuthority } from "../support/certificates.ts";
import { type ApiAnswer, type ApiRequest, sendRequest } from "../support/kube-api/api-request.ts";
import { REAL_ADMIN_TOKEN, RealServer } from "../support/kube-api/real-server.ts";
import { DAEMON, NODE_NAME } from "../support/manifests/admission-rows.ts";
import { type KubeObject, onlyOf, parseObjects, readDeployFile } from "../support/manifests/objects.ts";
import { pathOf } from "../support/manifests/resource-paths.ts";
import { ControllerManager } from "./controller-manager.ts";

const RBAC = "rbac.authorization.k8s.io";

export class PolicedCluster {
  readonly objects: readonly KubeObject[];
  readonly #server: RealServer;
  readonly #controllers: ControllerManager;
  readonly #directory: string;
  readonly #ca: Buffer;

  private constructor(
    objects: readonly KubeObject[],
    server: RealServer,
    controllers: ControllerManager,
    directory: string,
    ca: Buffer,
  ) {
    this.objects = objects;
    this.#server = server;
    this.#controllers = controllers;
    this.#directory = directory;
    this.#ca = ca;
  }

  /** @param assets directory of the programs */
  static async start(assets: string): Promise<PolicedCluster> {
    const objects = parseObjects(await readDeployFile("kube-tweed.yml"));
    const directory = await mkdtemp(join(tmpdir(), "tw-policy-"));
    let server: RealServer | null = null;
    let controllers: ControllerManager | null = null;
    try {
      const authority = await CertificateAuthority.create(directory);
      const options = { directory, authority, admitsServiceAccounts: true };
      server = await RealServer.start(join(assets, "kube-apiserver"), options);
      const program = join(assets, "kube-controller-manager");
      // The controller that type-checks a policy's expressions.
      const controller = "validatingadmissionpolicy-status-controller";
      controllers = await ControllerManager.start(program, server, directory, [controller]);
      const ca = await readFile(authority.certFile);
      const cluster = new PolicedCluster(objects, server, controllers, directory, ca);
      await cluster.#apply();
      return cluster;
    } catch (error) {
      await controllers?.stop();
      await server?.stop();
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.#controllers.stop();
    await this.#server.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }

  ask(token: string, request: ApiRequest): Promise<ApiAnswer> {
    return sendRequest({ url: this.#server.url, ca: this.#ca }, token, request);
  }

  /** @throws Error when it is refused */
  async admin(method: string, path: string, body: JsonObject | null = null): Promise<JsonObject> {
    const { status, text } = await this.ask(REAL_ADMIN_TOKEN, { method, path, body });
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
    return JSON.parse(text) as JsonObject;
  }

  /** Grants daemons the patch of Nodes by RBAC, so that only the policy restricts changes outside the status. */
  async letDaemonsPatchNodes(): Promise<void> {
    const metadata = { name: "daemons-patch-nodes" };
    const rules = [{ apiGroups: [""], resources: ["nodes"], verbs: ["patch"] }];
    await this.admin("POST", `/apis/${RBAC}/v1/clusterroles`, { metadata, rules });
    const { namespace = "", name } = onlyOf(this.objects, "ServiceAccount").metadata;
    const subjects = [{ kind: "ServiceAccount", namespace, name }];
    const roleRef = { apiGroup: RBAC, kind: "ClusterRole", name: metadata.name };
    await this.admin("POST", `/apis/${RBAC}/v1/clusterrolebindings`, { metadata, roleRef, subjects });
  }

  /**
   * As the API server issues it for a pod of the DaemonSet on a node.
   * @param nodeName null for a token without a pod
   */
  async daemonToken(nodeName: string | null): Promise<string> {
    const { namespace, name } = onlyOf(this.objects, "ServiceAccount").metadata;
    const spec: Record<string, JsonObject> = {};
    if (nodeName !== null) {
      const pod = await this.#daemonPod(nodeName);
      const { name: podName, uid } = pod.metadata as { readonly name: string; readonly uid: string };
      spec.boundObjectRef = { apiVersion: "v1", kind: "Pod", name: podName, uid };
    }
    const path = `/api/v1/namespaces/${String(namespace)}/serviceaccounts/${name}/token`;
    const request = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec };
    const { status } = (await this.admin("POST", path, request)) as {
      readonly status: { readonly token: string };
    } & JsonObject;
    return status.token;
  }

  /** Sends a request as a daemon's account with these extra values. */
  impersonating(
    extra: Readonly<Record<string, readonly string[]>> | null,
    request: ApiRequest,
  ): Promise<ApiAnswer> {
    const values = Object.entries(extra ?? {}).map(([key, value]) => {
      return [`Impersonate-Extra-${encodeURIComponent(key)}`, value] as const;
    });
    const headers = { "Impersonate-User": DAEMON, ...Object.fromEntries(values) };
    return this.ask(REAL_ADMIN_TOKEN, { ...request, headers });
  }

  checkControllers(): void {
    this.#controllers.checkRunning();
  }

  async #daemonPod(nodeName: string): Promise<JsonObject> {
    const { metadata, spec } = onlyOf(this.objects, "DaemonSet");
    const { template } = spec as {
      readonly template: { readonly spec: JsonObject } & JsonObject;
    } & JsonObject;
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { generateName: "tweed-" },
      spec: { ...template.spec, nodeName },
    };
    return this.admin("POST", `/api/v1/namespaces/${String(metadata.namespace)}/pods`, pod);
  }

  async #apply(): Promise<void> {
    for (const object of this.objects) await this.admin("POST", pathOf(object), object);
    await this.admin("POST", "/api/v1/nodes", { metadata: { name: NODE_NAME } });
  }
}
