/**
 * Queues, sockets, tables and threads of the UDP data plane on a fake kernel, with injected refusals, delays, ends and
 * lost devices. The data plane and its workers are the real ones; only packets are missing.
 */
import { EventEmitter } from "node:events";
import { addCounters } from "../../backends/udp/counters.ts";
import type { OpenSession } from "../../backends/udp/dataplane.ts";
import type { UdpForwarding } from "../../backends/udp/forwarding.ts";
import type { ForwardingView } from "../../backends/udp/forwarding-table.ts";
import type { UdpSession } from "../../backends/udp/session.ts";
import { WorkerPool, type WorkerPoolOptions, type WorkerThread } from "../../backends/udp/worker-pool.ts";
import type { WorkerReport, WorkerTask } from "../../backends/udp/worker-task.ts";
import { FAMILIES } from "../../src/net/index.ts";
import type { Clock } from "../../src/runtime/clock.ts";
import { TweedError } from "../../src/runtime/error.ts";
import type { FakeKernel } from "./fake-kernel.ts";

/** One queue: egress and ingress. */
const LANES = 2;
const DEVICE_GONE: WorkerReport = { kind: "device-gone", code: "EBADFD" };

export class FakeUdpSessions {
  /** Another program has bound the port. */
  refusesSockets = false;
  /** No hash seed fits the table. */
  refusesTables = false;
  /** A lane does not release the table that is to be reused. */
  holdsTable = false;
  /** Threads end as soon as they are started. */
  endsThreads = false;
  openingMs = 0;
  /** Called after what the sessions carry may have changed. */
  onChange: () => void = () => {};
  readonly #kernel: FakeKernel;
  readonly #clock: Clock;
  readonly #open = new Set<FakeUdpSession>();

  constructor(kernel: FakeKernel, clock: Clock) {
    this.#kernel = kernel;
    this.#clock = clock;
    // A queue learns from its descriptor that its device was deleted, independent of notifications.
    const execute = kernel.execute.bind(kernel);
    kernel.execute = (operation) => {
      const outcome = execute(operation);
      for (const session of this.#open) session.lookAtDevice();
      return outcome;
    };
  }

  readonly open: OpenSession = async (forwarding, poolOptions) => {
    await this.#clock.sleep(this.openingMs);
    const session = new FakeUdpSession(forwarding, poolOptions, this.#kernel, this);
    this.#open.add(session);
    session.onClose = () => {
      this.#open.delete(session);
      this.onChange();
    };
    this.onChange();
    return session;
  };

  /** One thread of each session ends with an error. */
  endThread(): void {
    for (const session of this.#open) session.endThread();
  }

  /** The process that opened them was killed. */
  closeAll(): void {
    this.#open.clear();
  }

  /** The table in force, if it carries packets; else what is missing. */
  carried(): ForwardingView | string {
    const [session, ...others] = this.#open;
    if (session === undefined) return "its channels";
    return others.length > 0 ? "an end of former channels" : (session.missing() ?? session.view);
  }
}

class FakeUdpSession implements UdpSession {
  readonly tunOffload = "tso";
  readonly hasGro = true;
  view: ForwardingView;
  onClose: () => void = () => {};
  readonly #forwarding: UdpForwarding;
  readonly #kernel: FakeKernel;
  readonly #faults: FakeUdpSessions;
  readonly #deviceIndex: number;
  readonly #threads = new Set<FakeThread>();
  readonly #pool: WorkerPool;

  /** @throws TweedError as a session does whose device, address or port is not available */
  constructor(
    forwarding: UdpForwarding,
    options: WorkerPoolOptions,
    kernel: FakeKernel,
    faults: FakeUdpSessions,
  ) {
    const device = kernel.links.get(forwarding.device);
    if (device === undefined) throw refused("open queue", "ENODEV");
    for (const family of FAMILIES) {
      const ip = forwarding.localIps[family];
      if (ip === null) continue;
      if (!kernel.addresses.some((address) => address.ip === ip)) throw refused("bind", "EADDRNOTAVAIL");
    }
    if (faults.refusesSockets) throw refused("bind", "EADDRINUSE");
    this.#forwarding = forwarding;
    this.#kernel = kernel;
    this.#faults = faults;
    this.#deviceIndex = device.index;
    this.view = forwarding.view;
    const tasks = Array.from({ length: LANES }, () => ({}) as WorkerTask);
    this.#pool = new WorkerPool(tasks, options, () => this.#startThread());
  }

  publish(view: ForwardingView): boolean {
    if (this.#faults.refusesTables) throw refused("publish forwarding table", "fast-path-collisions");
    if (this.#faults.holdsTable) return false;
    this.view = view;
    this.#faults.onChange();
    return true;
  }

  counters() {
    return addCounters([]);
  }
  refused() {
    return { "unknown-peer": { packets: 0 }, "foreign-source": { packets: 0 } };
  }
  takeRefusedSenders() {
    return [];
  }
  get threadIds(): readonly number[] {
    return this.#pool.threadIds;
  }
  get workerDeaths(): number {
    return this.#pool.deaths;
  }
  get steppedDown(): ReadonlySet<string> {
    return this.#pool.steppedDown;
  }

  async close(): Promise<void> {
    const ended = this.#pool.end();
    for (const thread of this.#threads) thread.end();
    await ended;
    this.onClose();
  }

  /** The part that carries no packets; null when all parts do. */
  missing(): string | null {
    if (!this.#isAttached()) return `its queue of ${this.#forwarding.device}`;
    return this.#threads.size < LANES ? "a worker" : null;
  }

  /** The end of the queue wakes the thread that waits for it; the other one finds out when it writes. */
  lookAtDevice(): void {
    if (this.#isAttached()) return;
    const [reader] = this.#threads;
    queueMicrotask(() => reader?.end(DEVICE_GONE));
  }

  endThread(): void {
    const [first] = this.#threads;
    first?.end(new Error("ended by a test"));
  }

  #isAttached(): boolean {
    return this.#kernel.links.get(this.#forwarding.device)?.index === this.#deviceIndex;
  }

  #startThread(): WorkerThread {
    const thread = new FakeThread(() => {
      this.#threads.delete(thread);
      this.#faults.onChange();
    });
    this.#threads.add(thread);
    this.#faults.onChange();
    queueMicrotask(() => {
      if (!this.#isAttached()) thread.end(DEVICE_GONE);
      if (this.#faults.endsThreads) thread.end(new Error("ended as it was started"));
    });
    return thread;
  }
}

class FakeThread extends EventEmitter implements WorkerThread {
  readonly threadId = 1;
  readonly #onEnd: () => void;
  #hasEnded = false;

  constructor(onEnd: () => void) {
    super();
    this.#onEnd = onEnd;
  }

  end(last: WorkerReport | Error | null = null): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#onEnd();
    if (last !== null) this.emit(last instanceof Error ? "error" : "message", last);
    this.emit("exit", last instanceof Error ? 1 : 0);
  }

  async terminate(): Promise<number> {
    this.end();
    return 1;
  }
}

function refused(operation: string, code: string): TweedError {
  return new TweedError({ code, operation, reason: `refused by the fake kernel: ${code}`, retryable: true });
}
