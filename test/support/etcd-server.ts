/** A real etcd on loopback, on ports and in a directory of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { cp, mkdtemp, rename, rm } from "node:fs/promises";
import { get as httpGet } from "node:http";
import { get as httpsGet } from "node:https";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Etcd3 } from "etcd3";

/**
 * Deadline for etcd's first answer, far beyond what the slowest machine needs. The lab's API server uses this too,
 * without vitest.
 */
const START_MS = 60_000;

export interface EtcdTls {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly requiresClientCertificate: boolean;
}

export class EtcdServer {
  readonly port: number;
  readonly #peerPort: number;
  readonly #directory: string;
  readonly #tls: EtcdTls | null;
  #process: ChildProcess | null = null;
  #clients = 0;

  private constructor(port: number, peerPort: number, directory: string, tls: EtcdTls | null) {
    this.port = port;
    this.#peerPort = peerPort;
    this.#directory = directory;
    this.#tls = tls;
  }

  static async start(tls: EtcdTls | null = null): Promise<EtcdServer> {
    const [port, peerPort] = [await freePort(), await freePort()];
    const server = new EtcdServer(port, peerPort, await mkdtemp(join(tmpdir(), "tw-etcd-")), tls);
    try {
      await server.resume();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  get endpoint(): string {
    return `${this.#tls === null ? "http" : "https"}://127.0.0.1:${this.port}`;
  }

  /** Starts etcd on the data of its previous run, and waits until it answers. */
  async resume(): Promise<void> {
    const peer = `http://127.0.0.1:${this.#peerPort}`;
    const tls = this.#tls;
    const tlsFlags =
      tls === null
        ? []
        : [
            `--cert-file=${tls.certFile}`,
            `--key-file=${tls.keyFile}`,
            // With its own CA etcd requires a certificate from every client.
            ...(tls.requiresClientCertificate ? [`--trusted-ca-file=${tls.caFile}`] : []),
          ];
    const child = spawn(
      "etcd",
      [
        "--name=test",
        `--data-dir=${join(this.#directory, "data")}`,
        `--listen-client-urls=${this.endpoint}`,
        `--advertise-client-urls=${this.endpoint}`,
        `--listen-peer-urls=${peer}`,
        `--initial-advertise-peer-urls=${peer}`,
        `--initial-cluster=test=${peer}`,
        "--heartbeat-interval=50",
        "--election-timeout=250",
        // By default it closes a connection that pings more often than every 5 s, too slow for a test.
        "--grpc-keepalive-min-time=10ms",
        "--log-level=error",
        ...tlsFlags,
      ],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    let errors = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      errors = (errors + chunk.toString()).slice(-4000);
    });
    this.#process = child;
    const deadline = AbortSignal.timeout(START_MS);
    while (!(await this.#isHealthy())) {
      if (child.exitCode !== null || deadline.aborted) throw new Error(`etcd did not start: ${errors}`);
      await sleep(25);
    }
  }

  /** Simulates a crash: clients are not notified. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  /** Saves the present state for `restore`, with a restart. */
  async backUp(): Promise<void> {
    await this.kill();
    await cp(join(this.#directory, "data"), join(this.#directory, "backup"), { recursive: true });
    await this.resume();
  }

  /**
   * Restores the backup as an administrator does: revisions go back, the cluster id stays. Call `resume` afterwards.
   */
  async restore(): Promise<void> {
    await this.kill();
    await rm(join(this.#directory, "data"), { recursive: true });
    await rename(join(this.#directory, "backup"), join(this.#directory, "data"));
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** An ordinary client, for changes by an operator that bypass the store; the caller closes it. */
  client(auth?: { readonly username: string; readonly password: string }): Etcd3 {
    const files = this.#tlsFiles();
    return new Etcd3({
      hosts: [this.endpoint],
      // gRPC shares connections, and their back-off, between clients with the same options.
      grpcOptions: {
        "grpc.primary_user_agent": `test/${this.#clients++}`,
        "grpc.enable_http_proxy": 0,
      },
      ...(files === null
        ? {}
        : { credentials: { rootCertificate: files.ca, privateKey: files.key, certChain: files.cert } }),
      ...(auth === undefined ? {} : { auth }),
    });
  }

  async #isHealthy(): Promise<boolean> {
    const files = this.#tlsFiles();
    const url = `${this.endpoint}/health`;
    const request = files === null ? httpGet(url) : httpsGet(url, files);
    try {
      const [response] = await once(request, "response");
      response.resume();
      return response.statusCode === 200;
    } catch {
      return false;
    }
  }

  #tlsFiles(): { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer } | null {
    const tls = this.#tls;
    return tls === null
      ? null
      : { ca: readFileSync(tls.caFile), cert: readFileSync(tls.certFile), key: readFileSync(tls.keyFile) };
  }
}

/** Nothing listens on it now; another program may still bind it first. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
