/**
 * Instances of the compiled fast path, and the memory that they share.
 *
 * One memory holds the forwarding tables, the counters and a lane for each direction of each queue. The main thread
 * creates it and publishes tables; each worker gets a {@link SharedFastPath} by `postMessage` and opens its own lane on
 * it.
 */
import { TweedError } from "../../src/runtime/error.ts";
import {
  EGRESS_LANE_BYTES,
  INGRESS_LANE_BYTES,
  LANES_MAX,
  REMOTE_BYTES,
  SLOT_BYTES,
  TABLE_HEADER_BYTES,
  TABLES_AT,
} from "./assembly/layout.ts";

const PAGE_BYTES = 65_536;

export type Direction = "egress" | "ingress";

/** Plain data that can be sent to a worker by `postMessage`. */
export interface SharedFastPath {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly table: TableSpace;
  readonly lanes: readonly LaneSpace[];
}

/** Capacity of each of the two forwarding tables. */
export interface TableSpace {
  readonly bytes: number;
  readonly routesMax: number;
  readonly remotesMax: number;
}

export interface LaneSpace {
  readonly direction: Direction;
  readonly queue: number;
  /** Byte offset in the memory. */
  readonly start: number;
}

/** The functions of assembly/index.ts. Addresses are byte offsets in the memory, families 4 and 6. */
export interface FastPathExports {
  /** Binds this instance to a lane. `nativeBase` is the process address of byte 0 of the memory. */
  bind(lane: number, start: number, tableBytes: number, nativeBase: bigint): void;
  setOffloads(bits: number): void;
  egressBegin(reads: number): void;
  egressPass(nowMs: number): number;
  prepareReceive(messages: number): void;
  ingressBegin(messages: number): void;
  ingressPass(nowMs: number): number;
  splitMessages(family: number, first: number): number;
  unjoinWrite(index: number): number;
  beginDraft(tableBytes: number, seed: bigint, routeSlots: number, senderSlots: number): number;
  draftRemote(family: number, port: number, mtuBytes: number): number;
  draftSource(record: number): number;
  draftRoute(length: number, record: number): number;
  draftLength(family: number, length: number): void;
  draftOwnNetwork(family: number): void;
  draftOwnMask(family: number): void;
  draftTun(family: number): void;
  draftHost(): void;
  commitDraft(): void;
  sum(at: number, length: number): bigint;
  fold(sum: bigint): number;
  probeRoutes(at: number, count: number, times: number, family: number): number;
}

export interface FastPathSize {
  /** Number of egress lanes, and of ingress lanes. */
  readonly queues: number;
  /** A peer has up to two prefixes, one of each family, and for each a socket address and a second source address. */
  readonly peersMax: number;
}

/**
 * Slots of a hash table for `entries`: a power of two, and at most a quarter full, so that probes longer than
 * PROBES_MAX are practically excluded.
 */
export function hashSlots(entries: number): number {
  return Math.max(16, 2 ** Math.ceil(Math.log2(entries * 4)));
}

/** @throws TweedError `fast-path-size` */
export function createFastPath(module: WebAssembly.Module, size: FastPathSize): SharedFastPath {
  if (size.queues < 1 || size.queues * 2 > LANES_MAX) {
    throw new TweedError({
      code: "fast-path-size",
      operation: "create fast path",
      reason: `${size.queues} queues, expected 1 to ${LANES_MAX / 2}`,
    });
  }
  const routesMax = size.peersMax * 2;
  const remotesMax = size.peersMax * 2;
  const bytes =
    TABLE_HEADER_BYTES +
    (hashSlots(routesMax) + hashSlots(remotesMax * 2)) * SLOT_BYTES +
    remotesMax * REMOTE_BYTES;
  const lanes: LaneSpace[] = [];
  let end = TABLES_AT + 2 * bytes;
  for (let queue = 0; queue < size.queues; queue++) {
    lanes.push({ direction: "egress", queue, start: end });
    end += EGRESS_LANE_BYTES;
    lanes.push({ direction: "ingress", queue, start: end });
    end += INGRESS_LANE_BYTES;
  }
  const pages = Math.ceil(end / PAGE_BYTES);
  // Only touched pages cost memory, and shared memory never moves, so its native address is constant.
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  return { module, memory, table: { bytes, routesMax, remotesMax }, lanes };
}

/** A new instance on the shared memory. Its globals are its own, everything else is shared. */
export function instantiate(shared: Pick<SharedFastPath, "module" | "memory">): FastPathExports {
  const instance = new WebAssembly.Instance(shared.module, { env: { memory: shared.memory } });
  return instance.exports as unknown as FastPathExports;
}
