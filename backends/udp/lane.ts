/**
 * A lane as its worker uses it: the messages to send and the writes to do after a pass. Addresses are native, as
 * numbers for system calls, and valid until the lane's next pass.
 */
import {
  MESSAGE_BYTES,
  MESSAGES4_AT,
  MESSAGES4_COUNT_AT,
  MESSAGES6_AT,
  MESSAGES6_COUNT_AT,
  OFFLOAD_JOIN_TCP4,
  OFFLOAD_JOIN_TCP6,
  OFFLOAD_JOIN_UDP,
  OFFLOAD_SEND_RUNS,
  UNJOINED_WRITES_AT,
  WRITES_AT,
  WRITES_COUNT_AT,
} from "./assembly/layout.ts";
import { type FastPathExports, instantiate, type LaneSpace, type SharedFastPath } from "./fast-path.ts";

/** Family of the outer addresses; each has its own socket. */
export type OuterFamily = 4 | 6;

/** Offloads of a lane. With all off, every packet is one message or one write. */
export interface LaneOffloads {
  /** Several packets in one message, with UDP_SEGMENT. */
  readonly sendRuns: boolean;
  readonly joinTcp4: boolean;
  readonly joinTcp6: boolean;
  /** Needs Linux 6.2. */
  readonly joinUdp: boolean;
}

export class Lane {
  protected readonly exports: FastPathExports;
  protected readonly start: number;
  protected readonly nativeBase: number;
  protected readonly words: Uint32Array;

  /** @param nativeBase process address of byte 0 of the shared memory; below 2^47, so exact as a number */
  constructor(shared: SharedFastPath, index: number, nativeBase: bigint) {
    const { start } = shared.lanes[index] as LaneSpace;
    this.exports = instantiate(shared);
    this.exports.bind(index, start, shared.table.bytes, nativeBase);
    this.start = start;
    this.nativeBase = Number(nativeBase);
    this.words = new Uint32Array(shared.memory.buffer);
  }

  /** Takes effect with the next pass. */
  setOffloads(offloads: LaneOffloads): void {
    this.exports.setOffloads(
      (offloads.sendRuns ? OFFLOAD_SEND_RUNS : 0) |
        (offloads.joinTcp4 ? OFFLOAD_JOIN_TCP4 : 0) |
        (offloads.joinTcp6 ? OFFLOAD_JOIN_TCP6 : 0) |
        (offloads.joinUdp ? OFFLOAD_JOIN_UDP : 0),
    );
  }

  /** Messages for `sendmmsg` on the socket of this family. */
  messageCount(family: OuterFamily): number {
    return this.#word(family === 4 ? MESSAGES4_COUNT_AT : MESSAGES6_COUNT_AT);
  }

  /** The struct mmsghdr of message `index`; the following ones lie behind it. */
  messageAddress(family: OuterFamily, index: number): number {
    return this.#native(family === 4 ? MESSAGES4_AT : MESSAGES6_AT) + index * MESSAGE_BYTES;
  }

  /**
   * Splits the messages from `first` on into messages of one packet each, without UDP_SEGMENT, for a kernel that
   * refused it. Returns the new count. Earlier messages, which were sent, are unchanged.
   */
  splitMessages(family: OuterFamily, first: number): number {
    return this.exports.splitMessages(family, first);
  }

  /** Writes for the TUN, one `writev` each. */
  writeCount(): number {
    return this.#word(WRITES_COUNT_AT);
  }

  /** The iovec list of write `index`. */
  writeAddress(index: number): number {
    return this.nativeBase + this.#word(WRITES_AT + index * 8);
  }

  writeLength(index: number): number {
    return this.#word(WRITES_AT + index * 8 + 4);
  }

  /**
   * Splits joined write `index`, which the kernel refused, into one write for each packet. Returns their number, 0 for
   * a single packet. They are valid until the next call.
   */
  unjoinWrite(index: number): number {
    return this.exports.unjoinWrite(index);
  }

  /** The iovec list, of length 2, of a write that `unjoinWrite` made. */
  unjoinedAddress(index: number): number {
    return this.nativeBase + this.#word(UNJOINED_WRITES_AT + index * 8);
  }

  #word(offset: number): number {
    return this.words[(this.start + offset) >>> 2] as number;
  }

  #native(offset: number): number {
    return this.nativeBase + this.start + offset;
  }
}
