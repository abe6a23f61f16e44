/** A real kube-apiserver with its own etcd, behind the same front as the stand-in. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { Certificate, CertificateAuthority } from "../certificates.ts";
import { EtcdServer, freePort } from "../etcd-server.ts";
import type { Answerer, ApiCall } from "./exchange.ts";

/** The token of the administrator. */
export const REAL_ADMIN_TOKEN = "real-server";
/** Deadline of each step of its start: far beyond what the slowest machine needs. */
const START_MS = 240_000;
/** Length of its output that the error of a failed start quotes. */
const OUTPUT_LIMIT = 4_000;

export interface RealServerOptions {
  /** Directory of its keys and logs; the caller owns it. */
  readonly directory: string;
  readonly authority: CertificateAuthority;
  /** Names of further users by their tokens, without any rights. */
  readonly users?: Readonly<Record<string, string>>;
  /** If true, pods need a service account in their namespace, which the test must create. */
  readonly admitsServiceAccounts?: boolean;
}

export class RealServer {
  readonly port: number;
  readonly caFile: string;
  readonly etcd: EtcdServer;
  /** Sends every request as the administrator. */
  readonly answer: Answerer;
  readonly #program: string;
  readonly #args: readonly string[];
  #process: ChildProcess | null = null;
  #output = "";

  private constructor(
    program: string,
    etcd: EtcdServer,
    port: number,
    caFile: string,
    ca: Buffer,
    args: readonly string[],
  ) {
    this.#program = program;
    this.etcd = etcd;
    this.port = port;
    this.caFile = caFile;
    this.#args = args;
    this.answer = forwardTo(port, ca);
  }

  static async start(program: string, options: RealServerOptions): Promise<RealServer> {
    const { directory, authority, users = {}, admitsServiceAccounts = false } = options;
    const etcd = await EtcdServer.start(null);
    try {
      const port = await freePort();
      const path = (name: string) => join(directory, name);
      await promisify(execFile)("openssl", ["genrsa", "-out", path("sa.key"), "2048"]);
      const others = Object.entries(users).map(([token, name]) => `${token},${name},${name}\n`);
      await writeFile(
        path("tokens.csv"),
        `${REAL_ADMIN_TOKEN},admin,admin,system:masters\n${others.join("")}`,
      );
      const certificate = await authority.issue("real-kube-apiserver");
      const plugins = admitsServiceAccounts ? [] : ["--disable-admission-plugins=ServiceAccount"];
      const args = [...serverArgs(etcd.endpoint, port, certificate, path), ...plugins];
      const ca = await readFile(authority.certFile);
      const server = new RealServer(program, etcd, port, authority.certFile, ca, args);
      await server.resume();
      return server;
    } catch (error) {
      await etcd.stop();
      throw error;
    }
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  /** Starts the program on etcd's contents, and waits until it serves. */
  async resume(): Promise<void> {
    const server = spawn(this.#program, [...this.#args], { stdio: ["ignore", "pipe", "pipe"] });
    this.#process = server;
    this.#output = "";
    const keep = (text: Buffer) => {
      this.#output = (this.#output + text.toString()).slice(-OUTPUT_LIMIT);
    };
    server.stdout.on("data", keep);
    server.stderr.on("data", keep);
    let failure: Error | null = null;
    server.on("error", (error) => {
      failure = error;
    });
    const deadline = AbortSignal.timeout(START_MS);
    try {
      for (;;) {
        const status = await this.#readiness();
        if (status === 200) return;
        if (failure !== null) throw new Error(`${this.#program} did not start`, { cause: failure });
        const isOver = server.exitCode !== null || server.signalCode !== null;
        const ending = isOver
          ? `ended with ${server.exitCode ?? server.signalCode}`
          : `answers ${status} to /readyz`;
        if (isOver || deadline.aborted)
          throw new Error(
            `${this.#program} did not start: it ${ending}; it wrote at its end:\n${this.#output}`,
          );
        await sleep(100);
      }
    } catch (error) {
      await this.pause();
      throw error;
    }
  }

  /** Ends the program; etcd's contents stay. */
  async pause(): Promise<void> {
    const server = this.#process;
    this.#process = null;
    if (server === null || server.pid === undefined || server.exitCode !== null || server.signalCode !== null)
      return;
    server.kill("SIGTERM");
    await once(server, "exit");
  }

  async stop(): Promise<void> {
    await this.pause();
    await this.etcd.stop();
  }

  /** It reports ready before the namespace "default" exists. */
  async #readiness(): Promise<number> {
    const status = await statusOf(this.answer, "/readyz");
    return status === 200 ? statusOf(this.answer, "/api/v1/namespaces/default") : status;
  }
}

function serverArgs(
  etcd: string,
  port: number,
  { certFile, keyFile }: Certificate,
  path: (name: string) => string,
): readonly string[] {
  return [
    `--etcd-servers=${etcd}`,
    `--secure-port=${port}`,
    `--tls-cert-file=${certFile}`,
    `--tls-private-key-file=${keyFile}`,
    "--bind-address=127.0.0.1",
    // It must look like a reachable address, also on a machine without one (RFC 5737); no client uses it.
    "--advertise-address=192.0.2.1",
    "--endpoint-reconciler-type=none",
    "--service-cluster-ip-range=10.96.0.0/16",
    "--service-account-issuer=https://kubernetes.default.svc",
    `--service-account-key-file=${path("sa.key")}`,
    `--service-account-signing-key-file=${path("sa.key")}`,
    `--token-auth-file=${path("tokens.csv")}`,
    "--authorization-mode=RBAC",
    "--allow-privileged=true",
  ];
}

function forwardTo(port: number, ca: Buffer): Answerer {
  return ({ method, path, query, headers, body, gone }, reply) => {
    const search = query.size === 0 ? "" : `?${query}`;
    const { accept = "application/json", "content-type": contentType } = headers;
    const forwarded = request({
      host: "127.0.0.1",
      port,
      ca,
      method,
      path: path + search,
      signal: gone,
      headers: {
        accept,
        authorization: `Bearer ${REAL_ADMIN_TOKEN}`,
        ...(contentType === undefined ? {} : { "content-type": contentType }),
      },
    });
    forwarded.on("error", () => {
      reply.begin(503, {});
      reply.end();
    });
    forwarded.on("response", (response) => {
      const retryAfter = response.headers["retry-after"];
      reply.begin(response.statusCode ?? 500, {
        "content-type": response.headers["content-type"] ?? "application/json",
        ...(retryAfter === undefined ? {} : { "retry-after": retryAfter }),
      });
      response.on("data", (chunk: Buffer) => reply.write(chunk));
      response.on("end", () => reply.end());
      response.on("error", () => reply.end());
    });
    forwarded.end(body);
  };
}

function statusOf(answer: Answerer, path: string): Promise<number> {
  return new Promise((resolve) => {
    const call: ApiCall = {
      method: "GET",
      path,
      query: new URLSearchParams(),
      headers: {},
      body: Buffer.alloc(0),
      gone: AbortSignal.timeout(2000),
    };
    answer(call, { begin: resolve, write: () => {}, end: () => {} });
  });
}
