/**
 * UDP to TUN: turns datagrams from peers into writes.
 *
 * `ingressBegin` takes the messages of one `recvmmsg`. `ingressPass` processes them until all are done or the output is
 * full; then the caller writes the output and calls it again.
 */
import { destinationOf, isMulticast, same, sourceOf } from "./address";
import {
  BYTES,
  DROP_FOREIGN_DESTINATION,
  DROP_FOREIGN_SOURCE,
  DROP_MULTICAST,
  DROP_RUNT,
  DROP_TRUNCATED,
  DROP_TTL,
  DROP_UNKNOWN_PEER,
  FORWARDED,
  ICMP_TIME_EXCEEDED,
  PACKETS,
} from "./counter-index";
import { add, count } from "./counters";
import { join, writeRun } from "./coalescing";
import { Remote, hasSource, isOurs, remoteAt, routeTo } from "./forwarding-table";
import { resetHeaders } from "./header-space";
import { decrementHops, hopsLeft } from "./hop";
import { icmpError, icmpLength, resetIcmp } from "./icmp-errors";
import { Inner, parse } from "./inner";
import { nextIovec, pushIovec, resetIovecs } from "./iovecs";
import { beginPass, endPass, innerAt } from "./lane";
import { RECEIVE_MAX } from "./layout";
import { pushMessage } from "./messages";
import { datagramBytes, received, senderAddress, senderPort, slotAt, wasCut } from "./receive";
import { noteRefused } from "./refused-senders";
import { packetsLeft, resetRuns, runAt, runs } from "./runs";

let messages: u32 = 0;
let cursor: u32 = 0;
/** Bytes processed of the message at the cursor. */
let bytesDone: u32 = 0;

// Cache of the last accepted inner source and its remote: nearly always the next packet has the same.
let admittedRemote: Remote | null = null;
let admittedSource: v128 = i64x2.splat(0);

/** Starts on the first `total` received messages. */
export function ingressBegin(total: u32): void {
  messages = min<u32>(total, RECEIVE_MAX);
  cursor = 0;
  bytesDone = 0;
}

/** True once every message is processed. */
export function ingressPass(nowMs: f64): bool {
  beginPass(nowMs);
  resetRuns();
  resetIovecs();
  resetHeaders();
  resetIcmp();
  admittedRemote = null;
  while (cursor < messages && receive(cursor)) {
    cursor++;
    bytesDone = 0;
  }
  for (let index: u32 = 0; index < runs(); index++) writeRun(runAt(index));
  endPass();
  return cursor == messages;
}

/** Processes one message. False if the output has no room for all its datagrams. */
function receive(index: u32): bool {
  const length = received(index).length;
  const size = datagramBytes(index);
  const datagrams = length == 0 ? 1 : (length + size - 1) / size;
  if (wasCut(received(index))) return dropAll(DROP_TRUNCATED, datagrams);
  const address = senderAddress(index);
  const remote = remoteAt(address, senderPort(index));
  if (remote == null) {
    noteRefused(DROP_UNKNOWN_PEER, address);
    return dropAll(DROP_UNKNOWN_PEER, datagrams);
  }
  if (length == 0) return dropAll(DROP_RUNT, 1);
  while (bytesDone < length) {
    if (packetsLeft() == 0) return false;
    const datagram = min<u32>(size, length - bytesDone);
    count(PACKETS);
    deliver(index, remote, slotAt(index) + bytesDone, datagram);
    bytesDone += datagram;
  }
  return true;
}

function dropAll(reason: u32, datagrams: u32): bool {
  add(PACKETS, datagrams);
  add(reason, datagrams);
  return true;
}

function deliver(index: u32, sender: Remote, at: usize, length: u32): void {
  const inner = changetype<Inner>(innerAt());
  const fault = parse(inner, at, length);
  if (fault != 0) return count(fault);
  const remote = remoteBehind(sender, index, inner);
  if (remote == null) {
    noteRefused(DROP_FOREIGN_SOURCE, senderAddress(index));
    return count(DROP_FOREIGN_SOURCE);
  }
  const destination = destinationOf(at, inner.family);
  if (isMulticast(destination, inner.family)) return count(DROP_MULTICAST);
  if (!isOurs(destination, inner.family)) return count(DROP_FOREIGN_DESTINATION);
  if (hopsLeft(at, inner.family) <= 1) {
    answer(remote, inner);
    return count(DROP_TTL);
  }
  decrementHops(at, inner.family);
  count(FORWARDED);
  add(BYTES, inner.length);
  join(inner);
}

/**
 * The remote that the inner source is routed to, if message `index` came from it; null otherwise. `sender` is the
 * remote found by the message's socket address.
 */
function remoteBehind(sender: Remote, index: u32, inner: Inner): Remote | null {
  const source = sourceOf(inner.at, inner.family);
  if (admittedRemote == sender && same(source, admittedSource)) return sender;
  const back = routeTo(source, inner.family);
  if (back == sender) {
    admittedRemote = sender;
    admittedSource = source;
    return sender;
  }
  // Several remotes may share a source address, and `sender` is only one of them. This is rare, so it is not cached.
  return back != null && hasSource(back, senderAddress(index), senderPort(index)) ? back : null;
}

/** Sends "time exceeded" to the packet's sender, who is behind `remote`. */
function answer(remote: Remote, inner: Inner): void {
  const error = icmpError(inner, ICMP_TIME_EXCEEDED, 0);
  if (error == 0) return;
  const iovecs = nextIovec();
  pushIovec(error, icmpLength);
  pushMessage(remote, iovecs, 1, 1, icmpLength);
}
