import type { EtcdOptions } from "../../config/store-options.ts";
import { abortable } from "../../runtime/abortable.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { TweedError } from "../../runtime/error.ts";
import type { Files } from "../../runtime/files.ts";
import type { Log } from "../../runtime/log.ts";
import { OutageLog } from "../outage-log.ts";
import { plainReason, StoreHealth } from "../store-health.ts";
import type { ConnectToEtcd, EtcdClient } from "./client.ts";
import { loadTlsCredentials } from "./credentials.ts";
import { type Endpoints, parseEndpoints } from "./endpoint.ts";
import { asksForLogin, etcdError, isAnswer } from "./error.ts";
import type { EtcdTiming } from "./timing.ts";

export interface ConnectionParts {
  readonly files: Files;
  readonly clock: Clock;
  readonly log: Log;
  readonly connect: ConnectToEtcd;
}

/**
 * The connection to etcd: one endpoint at a time, discarded as a whole at the first failure. The next request
 * uses the next endpoint, with new sockets, a new token and certificates read again, so no broken state outlives
 * a failure.
 */
export class EtcdConnection {
  readonly health: StoreHealth;
  readonly #options: EtcdOptions;
  readonly #timing: EtcdTiming;
  readonly #parts: ConnectionParts;
  readonly #endpoints: Endpoints;
  readonly #outage: OutageLog;
  #client: Promise<EtcdClient> | null = null;
  #generation = 0;
  #isAuthOn = true;
  #isClosed = false;

  /** @throws TweedError `invalid-endpoint` */
  constructor(options: EtcdOptions, timing: EtcdTiming, parts: ConnectionParts) {
    const { clock, log } = parts;
    const { tls } = options;
    const hasTlsFiles = tls.caFile !== null || tls.clientCertificate !== null;
    this.#options = options;
    this.#timing = timing;
    this.#parts = parts;
    this.#endpoints = parseEndpoints(options.endpoints, hasTlsFiles);
    this.#outage = new OutageLog(log, clock, "etcd");
    this.health = new StoreHealth(clock);
    if (hasTlsFiles && !this.#endpoints.isTls) {
      log.warn({ op: "connect-to-etcd" }, "TLS files are given but the first etcd endpoint is plain http");
    }
  }

  /**
   * Sends an idempotent request, such as a read or a put of the same value, to each endpoint at most once.
   * @throws TweedError with an `EtcdErrorCode`
   */
  read<T>(operation: string, signal: AbortSignal, send: (client: EtcdClient) => Promise<T>): Promise<T> {
    return this.#request(operation, signal, send, this.#endpoints.targets.length);
  }

  /**
   * Sends a request once: after a failure it is unknown whether etcd executed it.
   * @throws TweedError with an `EtcdErrorCode`
   */
  write<T>(operation: string, signal: AbortSignal, send: (client: EtcdClient) => Promise<T>): Promise<T> {
    return this.#request(operation, signal, send, 1);
  }

  /** The client to open a stream on; report the stream's outcome to `succeeded` and `failed`. */
  streamClient(): Promise<EtcdClient> {
    return this.#connect();
  }

  succeeded(): void {
    this.#outage.succeeded();
    this.health.succeeded();
  }

  failed(client: Promise<EtcdClient>, error: TweedError): void {
    if (!this.#isClosed) {
      this.#outage.failed(error);
      const etcd = `etcd at ${this.#endpoints.targets.join(", ")}`;
      const why = plainReason(error.message.replace(`${error.operation}: `, ""));
      this.health.failed(`${etcd} ${error.code === "store-auth" ? "refuses" : "does not answer"}: ${why}`);
    }
    this.#discard(client);
  }

  close(): void {
    this.#isClosed = true;
    if (this.#client !== null) this.#discard(this.#client);
  }

  async #request<T>(
    operation: string,
    signal: AbortSignal,
    send: (client: EtcdClient) => Promise<T>,
    attempts: number,
  ): Promise<T> {
    let hasLoggedInAgain = false;
    for (let left = attempts; ; left--) {
      const client = this.#connect();
      try {
        const answer = await abortable(client.then(send), signal);
        this.succeeded();
        return answer;
      } catch (error) {
        signal.throwIfAborted();
        const failure = etcdError(operation, error);
        if (isAnswer(failure)) throw failure;
        if (this.#options.credentials !== null && asksForLogin(failure) && !hasLoggedInAgain) {
          // etcd executed nothing, so a write may be retried too.
          hasLoggedInAgain = true;
          left += 1;
        } else if (left <= 1 || failure.code !== "store-unavailable") {
          this.failed(client, failure);
          throw failure;
        }
        this.#discard(client);
      }
    }
  }

  #connect(): Promise<EtcdClient> {
    if (this.#isClosed) throw new Error("the etcd store was used after it was closed");
    this.#client ??= this.#create();
    return this.#client;
  }

  async #create(): Promise<EtcdClient> {
    const { credentials } = this.#options;
    const { targets, isTls } = this.#endpoints;
    const generation = this.#generation++;
    const { files, log, connect } = this.#parts;
    return connect({
      target: targets[generation % targets.length] ?? targets[0],
      tls: isTls ? await loadTlsCredentials(files, this.#options.tls) : null,
      auth:
        credentials === null
          ? null
          : {
              username: credentials.username,
              password: credentials.password.reveal(),
              onLogin: (isAuthOn) => this.#reportLogin(isAuthOn),
            },
      timing: this.#timing,
      log,
      generation,
    });
  }

  /** Each client detects it: authentication may be switched on or off at any time. */
  #reportLogin(isAuthOn: boolean): void {
    if (isAuthOn === this.#isAuthOn) return;
    this.#isAuthOn = isAuthOn;
    const fields = { op: "log-in-to-etcd" };
    if (isAuthOn) this.#parts.log.info(fields, "etcd authentication enabled, logged in");
    else this.#parts.log.warn(fields, "etcd authentication disabled, continuing without login");
  }

  /** Closing fails every other request on this client too; their retries use the next one. */
  #discard(client: Promise<EtcdClient>): void {
    if (this.#client !== client) return;
    this.#client = null;
    // A client that was never created has nothing to close, and its callers have the error.
    client.then((created) => created.close()).catch(() => undefined);
  }
}
