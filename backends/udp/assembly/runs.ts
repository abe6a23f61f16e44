/**
 * Packets that are sent or written together.
 *
 * **Packet**: one inner packet, or one payload in a run of TCP or UDP. **Run**: packets that leave back to back in one
 * message (egress) or behind one header in one write (ingress). A run is **open** while packets may be appended. Runs
 * leave in the order in which they were started, so a packet that closes its flow's run and starts another never
 * overtakes it; packets of different flows may be reordered.
 */
import {
  PACKETS_AT,
  PACKETS_MAX,
  RUNS_AT,
  OPEN_RUNS_AT,
  OPEN_RUNS_MAX,
  RUN_BYTES,
  PACKET_BYTES,
} from "./layout";
import { lane } from "./lane";

@unmanaged export class Packet {
  at: usize;
  length: u32;
  next: usize;
}

@unmanaged export class Run {
  first: usize;
  last: usize;
  count: u32;
  /** Bytes of every packet but the last, which may be shorter. */
  size: u32;
  total: u32;
  /** Common to the packets of this run: the remote (egress), a hash of the flow (ingress). */
  key: usize;
  /** The inner packet that started it. */
  head: usize;
  family: u32;
  /** Ingress: 0, TCP or UDP. A run of neither kind is never open. */
  protocol: u32;
  headerBytes: u32;
  /** TCP: the next sequence number. */
  sequence: u32;
  /** IPv4: the sequence of ids; see coalescing.ts. */
  ids: u32;
  /** The first packet's checksum was verified. */
  verified: bool;
  push: bool;
  /** Egress: the iovecs of a message cut from a super-packet. */
  iovecs: usize;
}

let runCount: u32 = 0;
let packetCount: u32 = 0;
let openCount: u32 = 0;
let victim: u32 = 0;

export function resetRuns(): void {
  runCount = 0;
  packetCount = 0;
  openCount = 0;
}

@inline export function runs(): u32 {
  return runCount;
}
@inline export function runAt(index: u32): Run {
  return changetype<Run>(lane + RUNS_AT + index * RUN_BYTES);
}
@inline export function packetsLeft(): u32 {
  return <u32>PACKETS_MAX - packetCount;
}

export function newRun(key: usize, size: u32): Run {
  const run = runAt(runCount++);
  run.key = key;
  run.size = size;
  run.first = 0;
  run.last = 0;
  run.count = 0;
  run.total = 0;
  run.protocol = 0;
  run.iovecs = 0;
  run.verified = false;
  run.push = false;
  run.ids = 0;
  return run;
}

export function append(run: Run, at: usize, length: u32): void {
  const address = lane + PACKETS_AT + packetCount++ * PACKET_BYTES;
  const packet = changetype<Packet>(address);
  packet.at = at;
  packet.length = length;
  packet.next = 0;
  if (run.last == 0) run.first = address;
  else changetype<Packet>(run.last).next = address;
  run.last = address;
  run.count++;
  run.total += length;
}

// Open runs: a short list, searched linearly. When it is full, entries are replaced in rotation.

@inline export function openRuns(): u32 {
  return openCount;
}
@inline export function openRun(index: u32): Run {
  return changetype<Run>(load<usize>(lane + OPEN_RUNS_AT + (index << 2)));
}

export function open(run: Run): void {
  let index = openCount;
  if (index == <u32>OPEN_RUNS_MAX) {
    index = victim;
    victim = (victim + 1) & (<u32>OPEN_RUNS_MAX - 1);
  } else {
    openCount++;
  }
  store<usize>(lane + OPEN_RUNS_AT + (index << 2), changetype<usize>(run));
}

export function close(run: Run): void {
  for (let index: u32 = 0; index < openCount; index++) {
    if (openRun(index) != run) continue;
    openCount--;
    store<usize>(lane + OPEN_RUNS_AT + (index << 2), load<usize>(lane + OPEN_RUNS_AT + (openCount << 2)));
    return;
  }
}

export function closeAll(): void {
  openCount = 0;
}
