/** A real kube-apiserver with an etcd of its own, answering behind the same front as the stand-in. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { EtcdServer } from "../etcd-server.ts";
import type { Answerer } from "./exchange.ts";

const TOKEN = "real-server";
/** For each step of its start: far beyond what the slowest machine needs. */
const START_MS = 60_000;

export interface RealServer {
  readonly answer: Answerer;
  stop(): Promise<void>;
}

/** @param directory keeps its keys and certificates, and is the caller's */
export async function startRealServer(program: string, directory: string): Promise<RealServer> {
  const etcd = await EtcdServer.start(null);
  const port = await freePort();
  const path = (name: string) => join(directory, name);
  await promisify(execFile)("openssl", ["genrsa", "-out", path("sa.key"), "2048"]);
  await writeFile(path("tokens.csv"), `${TOKEN},admin,admin,system:masters\n`);
  const server = spawn(
    program,
    [
      `--etcd-servers=${etcd.endpoint}`,
      `--cert-dir=${path("certs")}`,
      `--secure-port=${port}`,
      "--bind-address=127.0.0.1",
      "--advertise-address=127.0.0.1",
      "--service-cluster-ip-range=10.96.0.0/16",
      "--service-account-issuer=https://localhost",
      `--service-account-key-file=${path("sa.key")}`,
      `--service-account-signing-key-file=${path("sa.key")}`,
      `--token-auth-file=${path("tokens.csv")}`,
      "--authorization-mode=RBAC",
      "--disable-admission-plugins=ServiceAccount",
      "--allow-privileged=true",
    ],
    { stdio: "ignore" },
  );
  const stop = async () => {
    if (server.exitCode === null && server.signalCode === null) {
      server.kill("SIGTERM");
      await once(server, "exit");
    }
    await etcd.stop();
  };
  try {
    const answer = forwardTo(port, await untilCertified(path("certs/apiserver.crt")));
    await untilReady(answer);
    return { answer, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The server signs its own certificate, which is then also the authority to check it by. */
async function untilCertified(file: string): Promise<Buffer> {
  const deadline = AbortSignal.timeout(START_MS);
  for (;;) {
    try {
      return await readFile(file);
    } catch (error) {
      if (deadline.aborted) throw error;
      await sleep(100);
    }
  }
}

function forwardTo(port: number, ca: Buffer): Answerer {
  return ({ method, path, query, headers, body, gone }, reply) => {
    const search = query.size === 0 ? "" : `?${query}`;
    const { accept = "application/json", "content-type": contentType } = headers;
    const forwarded = request({
      host: "127.0.0.1",
      servername: "localhost",
      port,
      ca,
      method,
      path: path + search,
      signal: gone,
      headers: {
        accept,
        authorization: `Bearer ${TOKEN}`,
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

async function untilReady(answer: Answerer): Promise<void> {
  const deadline = AbortSignal.timeout(START_MS);
  for (;;) {
    const status = await new Promise<number>((resolve) => {
      const call = {
        method: "GET",
        path: "/readyz",
        query: new URLSearchParams(),
        headers: {},
        body: Buffer.alloc(0),
        gone: AbortSignal.timeout(2000),
      };
      answer(call, { begin: resolve, write: () => {}, end: () => {} });
    });
    if (status === 200) return;
    if (deadline.aborted) throw new Error(`kube-apiserver is not ready: /readyz answers ${status}`);
    await sleep(200);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
