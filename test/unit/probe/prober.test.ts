import { describe, expect, it } from "vitest";
import { type Ip, parseIp } from "../../../src/net/index.ts";
import { probe } from "../../../src/probe/prober.ts";
import { Tally } from "../../../src/probe/tally.ts";
import type { Clock } from "../../../src/runtime/clock.ts";

/** Time that only sleeping moves. */
function steppedClock(): Clock {
  let nowMs = 1000;
  return {
    nowMs: () => nowMs,
    wallMs: () => nowMs,
    startTimer: () => ({ cancel: () => {} }),
    turn: async () => {},
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      nowMs += ms;
    },
  };
}

/** A network that answers everything but what `loses` names. */
function network(loses: (target: Ip, nth: number) => boolean) {
  const sentTo = new Map<Ip, number>();
  const open = async (_family: "v4" | "v6", onPacket: (packet: Buffer) => void) => ({
    send(message: Buffer, target: Ip) {
      const nth = sentTo.get(target) ?? 0;
      sentTo.set(target, nth + 1);
      if (loses(target, nth)) return;
      const reply = Buffer.from(message);
      reply[0] = 129;
      onPacket(reply);
    },
    close() {},
  });
  return { open, sentTo };
}

const A = parseIp("fd00::1");
const B = parseIp("fd00::2");
const options = { targets: [A, B], count: 10, intervalMs: 10, timeoutMs: 50, payloadBytes: 8, identifier: 7 };

describe("probe", () => {
  it("counts what each target answered, and the longest loss", async () => {
    const { open } = network((target, nth) => target === B && (nth === 1 || (nth >= 4 && nth <= 6)));
    const [a, b] = await probe(options, steppedClock(), open, new AbortController().signal);
    expect(a).toMatchObject({ target: A, sent: 10, received: 10, lost: 0, longestLoss: 0 });
    expect(b).toMatchObject({ target: B, sent: 10, received: 6, lost: 4, longestLoss: 3 });
  });

  it("tells once that it is sending, when each target has been sent something", async () => {
    const { open, sentTo } = network(() => false);
    const sending: number[][] = [];
    const onSending = () => sending.push([...sentTo.values()]);
    await probe({ ...options, onSending }, steppedClock(), open, new AbortController().signal);
    expect(sending).toEqual([[1, 1]]);
  });

  it("ends early when told to, and reports what it has sent", async () => {
    const stop = new AbortController();
    const { open, sentTo } = network((_target, nth) => {
      if (nth === 3) stop.abort();
      return false;
    });
    const [a] = await probe(
      { ...options, count: Number.POSITIVE_INFINITY },
      steppedClock(),
      open,
      stop.signal,
    );
    expect(a?.sent).toBe(4);
    expect(sentTo.get(A)).toBe(4);
  });
});

describe("Tally", () => {
  it("counts a duplicate once, and an answer to nothing not at all", () => {
    const tally = new Tally(A);
    tally.sent(0, 100);
    tally.received(0, 103);
    tally.received(0, 104);
    tally.received(9, 104);
    expect(tally.result()).toMatchObject({ sent: 1, received: 1, lost: 0, rttMs: { min: 3, max: 3 } });
  });

  it("has no times where nothing came back", () => {
    const tally = new Tally(A);
    tally.sent(0, 100);
    expect(tally.result()).toMatchObject({ lost: 1, longestLoss: 1, rttMs: null });
  });
});
