/** Writes to the TUN: each is a list of iovecs for one `writev`, a virtio-net header first. */
import { WRITES } from "./counter-index";
import { count } from "./counters";
import { VIRTIO_GSO_NONE, VIRTIO_HEADER, VirtioHeader } from "./headers";
import { Iovec, nextIovec, pushIovec, setIovec } from "./iovecs";
import { lane, native } from "./lane";
import {
  IOVEC_BYTES,
  PLAIN_VIRTIO_AT,
  UNJOINED_IOVECS_AT,
  UNJOINED_WRITES_AT,
  WRITES_AT,
  WRITES_COUNT_AT,
  WRITE_BYTES,
} from "./layout";

@unmanaged class Write {
  iovecs: usize;
  iovecCount: u32;
}

export function pushWrite(iovecs: usize, iovecCount: u32): void {
  const index = load<u32>(lane + WRITES_COUNT_AT);
  store<u32>(lane + WRITES_COUNT_AT, index + 1);
  count(WRITES);
  setWrite(lane + WRITES_AT + index * WRITE_BYTES, iovecs, iovecCount);
}

/** Writes a packet unchanged. The shared header of zeros is in the lane since `bind`. */
export function pushPlainWrite(at: usize, length: u32): void {
  const iovecs = nextIovec();
  pushIovec(lane + PLAIN_VIRTIO_AT, VIRTIO_HEADER);
  pushIovec(at, length);
  pushWrite(iovecs, 2);
}

/**
 * Splits a joined write that the kernel refused into one write for each of its packets, whose headers are still in
 * front of their payloads. The writes are at UNJOINED_WRITES_AT until the next call. Returns their number, 0 if the
 * write was not joined.
 */
export function unjoinWrite(index: u32): u32 {
  const write = changetype<Write>(lane + WRITES_AT + index * WRITE_BYTES);
  const virtio = changetype<VirtioHeader>(usize(changetype<Iovec>(write.iovecs).base - native));
  if (virtio.gsoType == VIRTIO_GSO_NONE) return 0;
  let iovecs = lane + UNJOINED_IOVECS_AT;
  for (let packet: u32 = 1; packet < write.iovecCount; packet++) {
    const payload = changetype<Iovec>(write.iovecs + packet * IOVEC_BYTES);
    const header = u32(virtio.headerLength);
    setIovec(iovecs, lane + PLAIN_VIRTIO_AT, VIRTIO_HEADER);
    setIovec(iovecs + IOVEC_BYTES, usize(payload.base - native) - header, u32(payload.length) + header);
    setWrite(lane + UNJOINED_WRITES_AT + (packet - 1) * WRITE_BYTES, iovecs, 2);
    iovecs += 2 * IOVEC_BYTES;
  }
  return write.iovecCount - 1;
}

function setWrite(at: usize, iovecs: usize, iovecCount: u32): void {
  const write = changetype<Write>(at);
  write.iovecs = iovecs;
  write.iovecCount = iovecCount;
}
