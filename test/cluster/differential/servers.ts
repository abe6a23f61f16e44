/** Both servers, freshly started, with the same users: the stand-in behind its front, and a real one. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CertificateAuthority } from "../../support/certificates.ts";
import { sendRequest } from "../../support/kube-api/api-request.ts";
import { ADMIN_TOKEN, Front } from "../../support/kube-api/front.ts";
import { REAL_ADMIN_TOKEN, RealServer } from "../../support/kube-api/real-server.ts";
import { StandIn } from "../../support/kube-api/stand-in.ts";
import type { ServerAccess } from "./client.ts";

/** RBAC rules of the reader; other requests are refused. */
const RULES = [
  { apiGroups: [""], resources: ["nodes"], verbs: ["get", "list", "watch"] },
  { apiGroups: [""], resources: ["nodes/status"], verbs: ["patch"] },
];
const PERMISSIONS = ["get nodes", "list nodes", "watch nodes", "patch nodes/status"];

const TOKENS = {
  reader: "token-of-reader",
  powerless: "token-of-powerless",
  unknown: "no-token",
  anonymous: null,
};

export interface Servers {
  readonly real: ServerAccess;
  readonly standIn: ServerAccess;
  /** Minor release of the real server: 34 for 1.34. */
  readonly minor: number;
  /** Removes the history of both, as after a compaction of etcd and a restart. */
  forgetHistory(): Promise<void>;
  stop(): Promise<void>;
}

export async function startServers(program: string): Promise<Servers> {
  const directory = await mkdtemp(join(tmpdir(), "tw-differential-"));
  const authority = await CertificateAuthority.create(directory);
  const ca = await readFile(authority.certFile);
  const standIn = new StandIn({ bookmarkMs: 500, pagesFromCache: false });
  const front = new Front(standIn.answer, await authority.issue("stand-in"), { host: "127.0.0.1", port: 0 });
  for (const name of ["reader", "powerless"] as const) {
    front.tokens.add(TOKENS[name]);
    const permissions = new Set(name === "reader" ? PERMISSIONS : []);
    front.roles.set(TOKENS[name], { user: name, permissions });
  }
  const users = { [TOKENS.reader]: "reader", [TOKENS.powerless]: "powerless" };
  const stopFront = async () => {
    await front.stop();
    await rm(directory, { recursive: true, force: true });
  };
  await front.start();
  let server: RealServer;
  try {
    server = await RealServer.start(program, { directory, authority, users });
  } catch (error) {
    await stopFront();
    throw error;
  }
  const real = { url: server.url, ca, tokens: { admin: REAL_ADMIN_TOKEN, ...TOKENS } };
  const servers: Servers = {
    real,
    minor: await minorOf(server, ca),
    standIn: { url: front.url, ca, tokens: { admin: ADMIN_TOKEN, ...TOKENS } },
    forgetHistory: async () => {
      await server.pause();
      await compact(server);
      await server.resume();
      standIn.expire();
    },
    stop: async () => {
      await server.stop();
      await stopFront();
    },
  };
  try {
    await grantToReader(real);
  } catch (error) {
    await servers.stop();
    throw error;
  }
  return servers;
}

async function minorOf({ url }: RealServer, ca: Buffer): Promise<number> {
  const { text } = await sendRequest({ url, ca }, REAL_ADMIN_TOKEN, { method: "GET", path: "/version" });
  return Number.parseInt((JSON.parse(text) as { readonly minor: string }).minor, 10);
}

async function grantToReader({ url, ca }: ServerAccess): Promise<void> {
  const apiVersion = "rbac.authorization.k8s.io/v1";
  const metadata = { name: "reader" };
  const role = { apiVersion, kind: "ClusterRole", metadata, rules: RULES };
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "reader" };
  const subjects = [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "reader" }];
  const binding = { apiVersion, kind: "ClusterRoleBinding", metadata, roleRef, subjects };
  for (const [resource, body] of [
    ["clusterroles", role],
    ["clusterrolebindings", binding],
  ] as const) {
    const request = { method: "POST", path: `/apis/${apiVersion}/${resource}`, body };
    const { status, text } = await sendRequest({ url, ca }, REAL_ADMIN_TOKEN, request);
    if (status !== 201) throw new Error(`cannot make ${resource} of the reader: ${status} ${text}`);
  }
}

async function compact({ etcd }: RealServer): Promise<void> {
  const client = etcd.client();
  try {
    const { header } = await client.kv.range({ key: Buffer.from("/registry/"), limit: 1 });
    await client.kv.compact({ revision: header.revision, physical: true });
  } finally {
    client.close();
  }
}
