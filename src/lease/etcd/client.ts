/**
 * One etcd3 client for one endpoint. Only this module loads the library, with the first client: with gRPC it
 * takes half of a small daemon's memory, which daemons on other stores save.
 */
import type { Etcd3, IOptions } from "etcd3";
import type { Log } from "../../runtime/log.ts";
import type { TlsCredentials } from "./credentials.ts";
import { etcdError, isEtcdError } from "./error.ts";
import { grpcLogger } from "./grpc-log.ts";
import type { EtcdTiming } from "./timing.ts";

/** What the store uses of etcd3's client. */
export interface EtcdClient {
  readonly kv: Pick<Etcd3["kv"], "range" | "put" | "txn" | "deleteRange">;
  readonly leaseClient: Pick<Etcd3["leaseClient"], "leaseGrant" | "leaseRevoke" | "leaseKeepAlive">;
  readonly watchClient: Pick<Etcd3["watchClient"], "watch">;
  close(): void;
}
export type WatchStream = Awaited<ReturnType<EtcdClient["watchClient"]["watch"]>>;
type CallOptions = NonNullable<Parameters<Etcd3["watchClient"]["watch"]>[0]>;
type Interceptor = NonNullable<CallOptions["interceptors"]>[number];
type FaultPolicy = NonNullable<NonNullable<IOptions["faultHandling"]>["global"]>;

/** A thousand leases of flannel take 300 KB; this is enough for many thousands of 4 KiB each. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

export interface ClientOptions {
  readonly target: string;
  readonly tls: TlsCredentials | null;
  readonly auth: {
    readonly username: string;
    readonly password: string;
    /** Called with false when etcd has authentication off. */
    readonly onLogin: (isAuthOn: boolean) => void;
  } | null;
  readonly timing: EtcdTiming;
  readonly log: Log;
  /** Differs for each client: gRPC shares connections, also broken ones, between clients with equal options. */
  readonly generation: number;
}

/** Opens a client; passed in so that a test can replace etcd. */
export type ConnectToEtcd = (options: ClientOptions) => Promise<EtcdClient>;

/**
 * Creates a client, and logs in when there are credentials and etcd has authentication on. etcd3's own login leaves a
 * connection open, one more for each client.
 */
export async function createClient(options: ClientOptions): Promise<Etcd3> {
  const { Etcd3 } = await import("etcd3");
  const { setLogger } = await import("@grpc/grpc-js");
  setLogger(grpcLogger(options.log));
  const { timing, auth } = options;
  let token: string | null = null;
  const client = new Etcd3({
    hosts: [options.target],
    ...(options.tls === null ? {} : { credentials: options.tls }),
    // gRPC deadlines are wall-clock times, which gRPC turns into a timer at once.
    defaultCallOptions: (call) => ({
      interceptors: [withMetadata(() => token)],
      ...(call.isStream ? {} : { deadline: Date.now() + timing.requestTimeoutMs }),
    }),
    faultHandling: { global: noRetry, host: () => noRetry },
    grpcOptions: {
      "grpc.primary_user_agent": `tweed/${options.generation}`,
      "grpc.keepalive_time_ms": timing.keepaliveMs,
      "grpc.keepalive_timeout_ms": timing.keepaliveTimeoutMs,
      "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
      "grpc.service_config_disable_resolution": 1,
      // A web proxy in the environment cannot reach a store inside the cluster.
      "grpc.enable_http_proxy": 0,
    },
  });
  if (auth === null) return client;
  try {
    token = (await client.auth.authenticate({ name: auth.username, password: auth.password })).token;
    auth.onLogin(true);
    return client;
  } catch (error) {
    if (isEtcdError(etcdError("log in", error), "store-auth-off")) {
      auth.onLogin(false);
      return client;
    }
    client.close();
    throw error;
  }
}

/**
 * Makes a member that is cut off from the others fail requests and watches instead of serving stale data:
 * `hasleader` is the key that etcd's own client sends (clientv3.WithRequireLeader).
 */
function withMetadata(token: () => string | null): Interceptor {
  return (options, nextCall) => {
    const call = nextCall(options);
    const start = call.start.bind(call);
    call.start = (metadata, listener) => {
      const extended = metadata.clone();
      extended.set("hasleader", "true");
      const held = token();
      if (held !== null) extended.set("token", held);
      start(extended, {
        onReceiveMetadata: (received) => listener?.onReceiveMetadata?.(received),
        onReceiveMessage: (message) => listener?.onReceiveMessage?.(message),
        onReceiveStatus: (status) =>
          listener?.onReceiveStatus?.({
            ...status,
            details: status.details.replace("invalid auth token", TOKEN_GONE),
          }),
      });
    };
    return call as ReturnType<Interceptor>;
  };
}

/** With etcd's own text, etcd3 would retry the request with the same token, for ever and without a pause. */
const TOKEN_GONE = "the auth token is not valid any more";

/** By default etcd3 retries a failed request three times, also writes, and then suspends the endpoint. */
const noRetry = {
  execute: async (run) => run({ signal: new AbortController().signal }),
  onSuccess: () => ({ dispose() {} }),
  onFailure: () => ({ dispose() {} }),
} as Pick<FaultPolicy, "execute" | "onSuccess" | "onFailure"> as FaultPolicy;
