/** What the store uses of an etcd3 client, on a simulated connection. */
import type {
  ICompactionRequest,
  ICompactionResponse,
  ILeaseKeepAliveRequest,
  ILeaseKeepAliveResponse,
  ILeaseTimeToLiveRequest,
  ILeaseTimeToLiveResponse,
  IWatchRequest,
  IWatchResponse,
} from "etcd3";
import type { ClientOptions, EtcdClient } from "../../../src/lease/etcd/client.ts";
import type { Life } from "../life.ts";
import { answerTooLarge, ClientStream } from "./client-stream.ts";
import { Connection } from "./connection.ts";
import type { EtcdNetwork } from "./etcd-network.ts";
import { messageBytes } from "./message-size.ts";
import { RpcError } from "./rpc-error.ts";
import type { EtcdRequests } from "./simulated-etcd.ts";

/** With requests of operators, which a daemon does not send. */
export interface SimulatedClient extends EtcdClient {
  readonly kv: EtcdClient["kv"] & { compact(request: ICompactionRequest): Promise<ICompactionResponse> };
  readonly leaseClient: EtcdClient["leaseClient"] & {
    leaseTimeToLive(request: ILeaseTimeToLiveRequest): Promise<ILeaseTimeToLiveResponse>;
  };
}

export interface ClientHost {
  readonly name: string;
  readonly life: Life;
}

/** Logs in as `createClient` does. @throws RpcError */
export async function connectTo(
  network: EtcdNetwork,
  host: ClientHost,
  { auth, timing }: Pick<ClientOptions, "auth" | "timing">,
): Promise<SimulatedClient> {
  const connection = new Connection(network, host.name, timing);
  host.life.onEnd(() => connection.close());
  const calls = new Calls(connection, host.life, timing.requestTimeoutMs);
  if (auth === null) return clientOn(calls, null);
  try {
    const logIn = () => network.server.logIn(auth.username, auth.password);
    const token = (await calls.unary("Auth", logIn)) as string;
    auth.onLogin(true);
    return clientOn(calls, token);
  } catch (error) {
    if (error instanceof RpcError && error.details.includes("authentication is not enabled")) {
      auth.onLogin(false);
      return clientOn(calls, null);
    }
    throw error;
  }
}

function clientOn(calls: Calls, token: string | null): SimulatedClient {
  const server = () => calls.connection.network.server;
  const unary =
    <M extends keyof EtcdRequests, A>(service: Service, method: M) =>
    (request: EtcdRequests[M]): Promise<A> =>
      calls.unary(service, () => server().request(method, request, token)) as Promise<A>;
  return {
    kv: {
      range: unary("KV", "range"),
      put: unary("KV", "put"),
      deleteRange: unary("KV", "deleteRange"),
      txn: unary("KV", "txn"),
      compact: unary("KV", "compact"),
    },
    leaseClient: {
      leaseGrant: unary("Lease", "leaseGrant"),
      leaseRevoke: unary("Lease", "leaseRevoke"),
      leaseTimeToLive: unary("Lease", "leaseTimeToLive"),
      leaseKeepAlive: () =>
        calls.stream<ILeaseKeepAliveRequest, ILeaseKeepAliveResponse>("Lease", (send) => ({
          receive: ({ ID = "0" }) => send(server().keepAlive(String(ID))),
          close() {},
        })),
    },
    watchClient: {
      watch: () =>
        calls.stream<IWatchRequest, IWatchResponse>("Watch", (send) => server().watch(send, token)),
    },
    close: () => calls.close(),
  };
}

type Service = "KV" | "Lease" | "Watch" | "Auth";

/** In etcd3's words. */
const closed = (service: Service) =>
  new Error(`Tried to call a ${service} method on etcd3, but the client was already closed`);

/** Calls of one daemon on one connection. */
class Calls {
  readonly connection: Connection;
  readonly #life: Life;
  readonly #timeoutMs: number;
  #isClosed = false;

  constructor(connection: Connection, life: Life, timeoutMs: number) {
    this.connection = connection;
    this.#life = life;
    this.#timeoutMs = timeoutMs;
  }

  /** Refuses further calls; those that have begun go on, as with etcd3. */
  close(): void {
    this.#isClosed = true;
  }

  /** @param execute runs at the server, and throws RpcError */
  async unary(service: Service, execute: () => unknown): Promise<unknown> {
    await this.#life.step();
    if (this.#isClosed) throw closed(service);
    return this.#life.result(
      this.#exchange(execute).catch((error: unknown) => Promise.reject(asEtcd3(error))),
    );
  }

  async stream<Request, Response>(
    service: Service,
    open: (send: (response: Response) => void) => { receive(request: Request): void; close(): void },
  ): Promise<ClientStream<Request, Response>> {
    await this.#life.step();
    if (this.#isClosed) throw closed(service);
    const { server } = this.connection.network;
    const withLeader = (send: (response: Response) => void) => {
      if (!server.hasLeader) throw new RpcError("UNAVAILABLE", "etcdserver: no leader");
      return open(send);
    };
    return new ClientStream(
      this.connection,
      this.#life,
      { isWatch: service === "Watch", sizeOf: messageBytes },
      withLeader,
    );
  }

  #exchange(execute: () => unknown): Promise<unknown> {
    const { connection } = this;
    const { time, maxAnswerBytes } = connection.network;
    return new Promise((resolve, reject) => {
      let isOver = false;
      const settle = (act: () => void) => {
        if (isOver) return;
        isOver = true;
        end();
        cancelDeadline();
        connection.network.whenRunning(connection.host, act);
      };
      const fail = (error: unknown) => settle(() => reject(error));
      const end = connection.begin({ isStream: false, fail });
      const cancelDeadline = time.wakeAt(time.nowMs + this.#timeoutMs, () =>
        fail(new RpcError("DEADLINE_EXCEEDED", `Deadline exceeded after ${this.#timeoutMs / 1000}s`)),
      );
      const answer = (act: () => void) => connection.reply(() => settle(act));
      const arrive = () => {
        let result: unknown;
        try {
          result = execute();
        } catch (error) {
          if (!(error instanceof RpcError)) throw error;
          return answer(() => reject(error));
        }
        const bytes = messageBytes(result);
        if (bytes <= maxAnswerBytes) answer(() => resolve(result));
        else answer(() => reject(answerTooLarge(bytes, maxAnswerBytes)));
      };
      connection.send(arrive, () => !isOver);
    });
  }
}

/** The texts that the real client changes: etcd3's class for leases, and our own for tokens (client.ts). */
function asEtcd3(error: unknown): unknown {
  if (!(error instanceof RpcError)) return error;
  if (error.details.includes("requested lease not found"))
    return new Error(`Lease ${error.message} is expired or revoked`);
  if (error.details.includes("invalid auth token"))
    return new RpcError("UNAUTHENTICATED", error.details.replace("invalid auth token", TOKEN_GONE));
  return error;
}

const TOKEN_GONE = "the auth token is not valid any more";
