import { FAMILIES, type Family, familyOf, type Ip } from "../net/index.ts";
import type { Clock } from "../runtime/clock.ts";
import { decodeEchoReply, encodeEchoRequest } from "./echo.ts";
import type { IcmpSocket, openIcmpSocket } from "./icmp-socket.ts";
import { type ProbeResult, Tally } from "./tally.ts";

export interface ProbeOptions {
  readonly targets: readonly Ip[];
  /** Requests to each target; with Infinity until the signal aborts. */
  readonly count: number;
  readonly intervalMs: number;
  /** How long to wait for the last replies. */
  readonly timeoutMs: number;
  readonly payloadBytes: number;
  readonly identifier: number;
  /** Called when the first request to each target is sent. */
  readonly onSending?: () => void;
}

/**
 * Sends echo requests to every target at a fixed rate. It schedules by due time, so a late timer catches up. An aborted
 * signal ends it early; the result covers the requests sent until then.
 */
export async function probe(
  options: ProbeOptions,
  clock: Clock,
  open: typeof openIcmpSocket,
  signal: AbortSignal,
): Promise<ProbeResult[]> {
  const tallies = options.targets.map((target) => new Tally(target));
  const sockets = new Map<Family, IcmpSocket>();
  const receive = (family: Family) => (packet: Buffer) => {
    const echo = decodeEchoReply(family, packet);
    if (echo === null || echo.identifier !== options.identifier) return;
    // The request to target t in round r has the count r × targets + t.
    const tally = tallies[echo.count % tallies.length];
    tally?.received(Math.floor(echo.count / tallies.length), clock.nowMs());
  };
  try {
    for (const family of FAMILIES) {
      if (options.targets.some((target) => familyOf(target) === family)) {
        sockets.set(family, await open(family, receive(family)));
      }
    }
    const startMs = clock.nowMs();
    for (let round = 0; round < options.count && !signal.aborted; round++) {
      for (const [index, target] of options.targets.entries()) {
        const echo = { identifier: options.identifier, count: round * tallies.length + index };
        const message = encodeEchoRequest(familyOf(target), echo, options.payloadBytes);
        tallies[index]?.sent(round, clock.nowMs());
        sockets.get(familyOf(target))?.send(message, target);
      }
      if (round === 0) options.onSending?.();
      const dueMs = startMs + (round + 1) * options.intervalMs;
      await sleepUnlessAborted(clock, Math.max(0, dueMs - clock.nowMs()), signal);
    }
    const deadlineMs = clock.nowMs() + options.timeoutMs;
    while (tallies.some((tally) => tally.outstanding > 0) && clock.nowMs() < deadlineMs) await clock.sleep(5);
    return tallies.map((tally) => tally.result());
  } finally {
    for (const socket of sockets.values()) socket.close();
  }
}

async function sleepUnlessAborted(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
