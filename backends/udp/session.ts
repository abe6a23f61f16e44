/** What is open while packets are forwarded: queues, sockets, shared memory and workers. */
import { closeSync } from "node:fs";
import { openEventFd, raiseEventFd } from "../../src/kernel/libc/event-fd.ts";
import type { Libc } from "../../src/kernel/libc/libc.ts";
import { openTunQueue, type TunOffload } from "../../src/kernel/tun-queue.ts";
import { openUdpSocket } from "../../src/kernel/udp-socket.ts";
import { FAMILIES, type Family, type Ip } from "../../src/net/index.ts";
import type { Random } from "../../src/runtime/random.ts";
import { compileFastPath } from "./compiled-fast-path.ts";
import { addCounters, type Counters, readCounters } from "./counters.ts";
import { createFastPath, type SharedFastPath } from "./fast-path.ts";
import type { UdpForwarding } from "./forwarding.ts";
import { ForwardingTable, type ForwardingView } from "./forwarding-table.ts";
import type { LaneOffloads } from "./lane.ts";
import { countRefused, type SenderRefusal, takeRefusedSenders } from "./refused-senders.ts";
import { WorkerPool, type WorkerPoolOptions } from "./worker-pool.ts";
import type { WorkerTask } from "./worker-task.ts";
import { startWorkerThread } from "./worker-thread.ts";

export interface SessionOptions {
  readonly queues: number;
  /** "off": one read and one send for each packet, as in flannel. */
  readonly offload: "auto" | "off";
}

/** Capacity of the forwarding table: far beyond any cluster, and only touched pages cost memory. */
const PEERS_MAX = 16_384;
/** About 50 ms at the highest rate measured. */
const BUFFER_BYTES = 8 * 1024 * 1024;
/** A stalled interface queue must not block a worker that has to stop. */
const SEND_TIMEOUT_MS = 200;

/** The public interface of a session. */
export type UdpSession = Pick<Session, keyof Session>;

export class Session {
  readonly #shared: SharedFastPath;
  /** The offloads that the kernel granted. */
  readonly tunOffload: TunOffload;
  readonly hasGro: boolean;
  readonly #fds: readonly number[];
  readonly #stopFd: number;
  readonly #table: ForwardingTable;
  readonly #pool: WorkerPool;

  private constructor(parts: {
    shared: SharedFastPath;
    table: ForwardingTable;
    pool: WorkerPool;
    fds: readonly number[];
    stopFd: number;
    tunOffload: TunOffload;
    hasGro: boolean;
  }) {
    this.#shared = parts.shared;
    this.tunOffload = parts.tunOffload;
    this.hasGro = parts.hasGro;
    this.#table = parts.table;
    this.#pool = parts.pool;
    this.#fds = parts.fds;
    this.#stopFd = parts.stopFd;
  }

  /** @throws TweedError, retryable where the device or the address may appear later */
  static async open(
    forwarding: UdpForwarding,
    options: SessionOptions,
    libc: Libc,
    random: Random,
    poolOptions: WorkerPoolOptions,
  ): Promise<Session> {
    const fds: number[] = [];
    try {
      const shared = createFastPath(await compileFastPath(), { queues: options.queues, peersMax: PEERS_MAX });
      const table = new ForwardingTable(shared, random);
      // Published before the workers start, so that the first packet finds its peer.
      table.tryPublish(forwarding.view);
      const stopFd = await openEventFd();
      fds.push(stopFd);
      const isFast = options.offload === "auto";
      const tasks: WorkerTask[] = [];
      let tunOffload: TunOffload = "none";
      let hasGro = isFast;
      for (let queue = 0; queue < options.queues; queue++) {
        const tun = openTunQueue(libc, { name: forwarding.device, multiQueue: true }, isFast);
        fds.push(tun.fd);
        tunOffload = tun.offload;
        const sockets: Record<Family, number | null> = { v4: null, v6: null };
        for (const family of FAMILIES) {
          const ip = forwarding.localIps[family];
          if (ip === null) continue;
          const sizes = { receiveBufferBytes: BUFFER_BYTES, sendBufferBytes: BUFFER_BYTES };
          const sendTimeoutMs = SEND_TIMEOUT_MS;
          const reusePort = options.queues > 1;
          const socket = openUdpSocket(libc, {
            ip,
            port: forwarding.port,
            reusePort,
            gro: isFast,
            sendTimeoutMs,
            ...sizes,
          });
          fds.push(socket.fd);
          sockets[family] = socket.fd;
          hasGro &&= socket.gro;
        }
        const offloads = offloadsFor(isFast, tunOffload);
        for (const lane of shared.lanes.keys()) {
          if (shared.lanes[lane]?.queue !== queue) continue;
          tasks.push({ shared, lane, tunFd: tun.fd, sockets, stopFd, offloads, isBatching: isFast });
        }
      }
      const pool = new WorkerPool(tasks, poolOptions, startWorkerThread);
      return new Session({ shared, table, pool, fds, stopFd, tunOffload, hasGro });
    } catch (error) {
      for (const fd of fds) closeSync(fd);
      throw error;
    }
  }

  /** @returns false while a lane still reads the inactive table: retry in a millisecond */
  publish(view: ForwardingView): boolean {
    return this.#table.tryPublish(view);
  }

  /** Sums over all lanes since the session was opened. */
  counters(): Counters {
    const { lanes, memory } = this.#shared;
    return addCounters(lanes.map((_, lane) => readCounters(memory, lane)));
  }

  /** Refused packets by reason, since the session was opened. */
  refused(): Record<SenderRefusal, { packets: number }> {
    return countRefused(this.#shared);
  }

  takeRefusedSenders(reason: SenderRefusal): readonly Ip[] {
    return takeRefusedSenders(this.#shared, reason);
  }

  get threadIds(): readonly number[] {
    return this.#pool.threadIds;
  }

  /** How many workers died since the session was opened. */
  get workerDeaths(): number {
    return this.#pool.deaths;
  }

  /** Offloads that the kernel refused at run time, in any worker. */
  get steppedDown(): ReadonlySet<string> {
    return this.#pool.steppedDown;
  }

  /** Ends the workers and closes everything; the device stays. */
  async close(): Promise<void> {
    raiseEventFd(this.#stopFd);
    await this.#pool.end();
    for (const fd of this.#fds) closeSync(fd);
  }
}

/** A queue that allows reads of super-packets also allows writes of them; joined UDP needs USO. */
function offloadsFor(isFast: boolean, tun: TunOffload): LaneOffloads {
  const hasTso = isFast && (tun === "tso" || tun === "tso+uso");
  return { sendRuns: isFast, joinTcp4: hasTso, joinTcp6: hasTso, joinUdp: isFast && tun === "tso+uso" };
}
