/** One gRPC connection of a host to etcd: it carries messages with a delay, holds them up, and breaks. */
import type { EtcdNetwork } from "./etcd-network.ts";
import { ETCD_ERRORS, RpcError } from "./rpc-error.ts";

export interface Keepalive {
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
}

/** A request or a stream on the connection. */
export interface Call {
  readonly isStream: boolean;
  fail(error: RpcError): void;
}

interface Held {
  readonly carry: () => void;
  readonly isWanted: () => boolean;
}

/** After this long without an answer the kernel gives up connecting (grpc-js, subchannel). */
const CONNECT_TIMEOUT_MS = 20_000;

const dropped = () => new RpcError("UNAVAILABLE", "Connection dropped");
const refused = () =>
  new RpcError(
    "UNAVAILABLE",
    "No connection established. Last error: Error: connect ECONNREFUSED 192.0.2.250:2379. Resolution note: ",
  );
const unreachable = () =>
  new RpcError(
    "UNAVAILABLE",
    "No connection established. Last error: Error: connect ETIMEDOUT 192.0.2.250:2379. Resolution note: ",
  );

export class Connection {
  readonly network: EtcdNetwork;
  readonly host: string;
  readonly #keepalive: Keepalive;
  readonly #calls = new Set<Call>();
  #held: Held[] = [];
  /** The run of the server that it is connected to; null before that. */
  #run: number | null = null;
  #isClosed = false;
  #watchdog: (() => void) | null = null;

  constructor(network: EtcdNetwork, host: string, keepalive: Keepalive) {
    this.network = network;
    this.host = host;
    this.#keepalive = keepalive;
    network.add(this);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** @returns a function that ends the call */
  begin(call: Call): () => void {
    this.#calls.add(call);
    this.#watch();
    return () => this.#calls.delete(call);
  }

  /**
   * Carries a message to the server. One that has left takes effect although its sender has gone; one that was held up
   * may be lost then.
   */
  send(arrive: () => void, isWanted: () => boolean, delayMs = this.#latencyMs): void {
    this.#carry(arrive, isWanted, delayMs, this.#run);
  }

  /** Carries an answer to the host, unless the connection ends meanwhile. */
  reply(arrive: () => void, delayMs = this.#latencyMs, isWatch = false): void {
    const run = this.#run;
    this.#after(delayMs(), () => {
      if (this.#isClosed || run !== this.#run) return;
      const isHeld = this.network.isBlocked(this.host) || (isWatch && this.network.isSilent(this.host));
      if (!isHeld) return arrive();
      this.#held.push({ carry: () => this.reply(arrive, delayMs, isWatch), isWanted: () => true });
    });
  }

  /** The process has ended, and the kernel closes its sockets; what has left still arrives. */
  close(): void {
    this.#isClosed = true;
    this.#end(dropped());
  }

  onServerGone(): void {
    if (this.#run !== null && !this.network.isBlocked(this.host)) this.#after(0, () => this.#end(dropped()));
  }

  onNoLeader(): void {
    for (const call of [...this.#calls]) if (call.isStream) call.fail(ETCD_ERRORS.noLeader());
  }

  onStreamsBroken(): void {
    const reset = new RpcError(
      "UNAVAILABLE",
      "Received RST_STREAM with code 7 (Request refused by the server)",
    );
    for (const call of [...this.#calls]) if (call.isStream) call.fail(reset);
  }

  onReachabilityChange(): void {
    if (this.network.isBlocked(this.host)) {
      this.#watch();
      return;
    }
    this.#watchdog?.();
    this.#watchdog = null;
    const held = this.#held;
    this.#held = [];
    // A request that nobody waits for any more: its cancellation may arrive before etcd executes it.
    for (const { carry, isWanted } of held) if (isWanted() || this.network.random.below(2) === 0) carry();
    if (this.#run !== null && this.#run !== this.network.run) this.#after(0, () => this.#end(dropped()));
  }

  /** While nothing arrives, the keepalive of gRPC or the kernel's timeout ends the connection. */
  #watch(): void {
    if (this.#watchdog !== null || this.#calls.size === 0 || !this.network.isBlocked(this.host)) return;
    const { keepaliveMs, keepaliveTimeoutMs } = this.#keepalive;
    const isConnected = this.#run !== null;
    const afterMs = isConnected
      ? keepaliveTimeoutMs + this.network.random.below(keepaliveMs + 1)
      : CONNECT_TIMEOUT_MS;
    this.#watchdog = this.network.time.wakeAt(this.network.time.nowMs + afterMs, () => {
      this.#watchdog = null;
      this.#end(isConnected ? dropped() : unreachable());
    });
  }

  #after(ms: number, act: () => void): void {
    this.network.time.wakeAt(this.network.time.nowMs + ms, act);
  }

  readonly #latencyMs = () => this.network.latencyMs();

  /** @param run of the server when the message left; null while connecting */
  #carry(arrive: () => void, isWanted: () => boolean, delayMs: () => number, run: number | null): void {
    this.#after(delayMs(), () => {
      // It was sent on a connection that has ended since.
      if (run !== null && run !== this.#run) return;
      if (this.network.isBlocked(this.host)) {
        this.#held.push({ carry: () => this.#carry(arrive, isWanted, delayMs, run), isWanted });
        return;
      }
      if (this.network.isAway) return this.#end(this.#run === null ? refused() : dropped());
      if (this.#run !== null && this.#run !== this.network.run) return this.#end(dropped());
      this.#run = this.network.run;
      arrive();
    });
  }

  /** Calls fail; the next one connects again. */
  #end(error: RpcError): void {
    if (!this.#isClosed) this.#run = null;
    else if (this.#held.length === 0) this.network.remove(this);
    this.#watchdog?.();
    this.#watchdog = null;
    for (const call of [...this.#calls]) {
      this.#calls.delete(call);
      call.fail(error);
    }
  }
}
