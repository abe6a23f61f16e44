import { describe, expect, it } from "vitest";
import { forwardingOf } from "../../../backends/udp/forwarding.ts";
import { PathMtus, withPathMtus } from "../../../backends/udp/path-mtus.ts";
import { parseIpv4 } from "../../../src/net/index.ts";
import type { Clock } from "../../../src/runtime/clock.ts";
import { sampleNode, samplePeer } from "../../support/sample-node.ts";

const { view } = forwardingOf(sampleNode(), { port: 8285 }, [samplePeer(2), samplePeer(3)]);
const mtusOf = (cut: typeof view) => cut.peers.map(({ paths }) => paths.map(({ remote }) => remote.mtuBytes));

describe("a view cut to path MTUs", () => {
  it("leaves outer headers out, per family, and touches only what is narrower", () => {
    const narrow = parseIpv4("198.18.1.2");
    expect(mtusOf(view)).toEqual([
      [1472, 1452],
      [1472, 1452],
    ]);
    expect(mtusOf(withPathMtus(view, (ip) => (ip === narrow ? 1400 : 9000)))).toEqual([
      [1372, 1452],
      [1472, 1452],
    ]);
    expect(mtusOf(withPathMtus(view, () => 1300))[1]).toEqual([1272, 1252]);
  });

  it("stays as it is for a peer that there is no route to", () => {
    expect(withPathMtus(view, () => null)).toEqual(view);
  });
});

describe("path MTUs", () => {
  const clock: Clock & { ms: number } = {
    ms: 1000,
    nowMs: () => clock.ms,
    wallMs: () => 0,
    startTimer: () => ({ cancel: () => {} }),
    turn: async () => {},
    sleep: () => Promise.reject(new Error("nobody sleeps here")),
  };

  it("are not looked up before somebody suspects one, then at once, and then each minute", async () => {
    const mtus = new PathMtus(clock);
    expect(mtus.dueInMs).toBe(Number.POSITIVE_INFINITY);
    expect(await mtus.cut(view)).toBe(view);
    expect(mtus.suspect()).toBe(true);
    expect(mtus.dueInMs).toBe(0);
    expect(mtus.suspect()).toBe(false);
    await mtus.cut({ ...view, peers: [] });
    expect(mtus.dueInMs).toBe(60_000);
  });

  it("are looked up at most every 200 ms, however often they are suspected", async () => {
    const mtus = new PathMtus(clock);
    mtus.suspect();
    await mtus.cut({ ...view, peers: [] });
    clock.ms += 50;
    expect(mtus.suspect()).toBe(true);
    expect(mtus.dueInMs).toBe(150);
    expect(mtus.suspect()).toBe(false);
  });
});
