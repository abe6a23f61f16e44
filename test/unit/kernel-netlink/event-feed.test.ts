import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { KernelChange } from "../../../src/kernel/kernel.ts";
import { EventFeed } from "../../../src/kernel/netlink/event-feed.ts";
import { BLANK_LINK, type LinkMessage } from "../../../src/kernel/netlink/link.ts";
import { encodeNeighbour, RTM_NEIGHBOUR } from "../../../src/kernel/netlink/neighbour.ts";
import { parseIp, parseMac } from "../../../src/net/index.ts";
import type { Clock } from "../../../src/runtime/clock.ts";
import { type Log, silentLog } from "../../../src/runtime/log.ts";
import { STILL_CLOCK } from "../../fuzz/still-clock.ts";
import { event, FakeEvents, linkEvent } from "../../support/fake-netlink.ts";

const flannel: LinkMessage = { ...BLANK_LINK, index: 5, name: "flannel.1", kind: "vxlan" };
const neighbour = event(
  RTM_NEIGHBOUR.new,
  encodeNeighbour({
    af: 2,
    index: 5,
    state: 0x80,
    flags: 0,
    type: 1,
    ip: parseIp("10.244.3.0"),
    mac: parseMac("0e:00:00:00:00:03"),
  }),
);

/** A feed on fake streams; each opening hands out the next. */
function feeding(links: readonly LinkMessage[] = [flannel]) {
  const streams: FakeEvents[] = [];
  const changes: KernelChange[] = [];
  const pauses: number[] = [];
  const warnings: string[] = [];
  let listings = 0;
  let nowMs = 0;
  const clock: Clock = {
    nowMs: () => nowMs,
    wallMs: () => 0,
    startTimer: () => ({ cancel: () => {} }),
    turn: () => nextTurn(),
    sleep: async (ms, signal) => {
      pauses.push(ms);
      await nextTurn();
      signal?.throwIfAborted();
    },
  };
  const log: Log = { ...silentLog, warn: (_, message) => warnings.push(message) };
  const feed = new EventFeed({
    source: {
      open: () => {
        const stream = new FakeEvents();
        streams.push(stream);
        return stream;
      },
      listLinks: async () => {
        listings += 1;
        return links;
      },
    },
    onChange: (change) => changes.push(change),
    clock,
    log,
  });
  const abort = new AbortController();
  return {
    streams,
    changes,
    pauses,
    warnings,
    abort,
    passTime: (ms: number) => {
      nowMs += ms;
    },
    listings: () => listings,
    feed,
    start: async () => ({ ended: feed.run(await feed.connect(), abort.signal) }),
  };
}

const settled = async () => {
  for (let turn = 0; turn < 10; turn++) await nextTurn();
};

describe("a feed", () => {
  it("knows the links from the listing and tells changes as they come", async () => {
    const { streams, changes, abort, start } = feeding();
    const { ended } = await start();
    streams[0]?.push(neighbour);
    await settled();
    expect(changes).toMatchObject([{ kind: "neighbour", entry: { iface: "flannel.1" } }]);
    abort.abort();
    await ended;
  });

  it("hears what happened between its opening and the listing", async () => {
    const { streams, changes, abort, feed } = feeding();
    const stream = await feed.connect();
    streams[0]?.push(linkEvent({ ...flannel, name: "flannel.9" }), neighbour);
    const ended = feed.run(stream, abort.signal);
    await settled();
    expect(changes.map(({ kind }) => kind)).toEqual([]);
    streams[0]?.push(neighbour);
    await settled();
    expect(changes.map(({ kind }) => kind)).toEqual(["link", "neighbour", "neighbour"]);
    abort.abort();
    await ended;
  });

  it.each(["overrun", "truncated"] as const)(
    "lists anew and says so when notifications are lost: %s",
    async (loss) => {
      const { streams, changes, abort, start, listings } = feeding();
      const { ended } = await start();
      streams[0]?.push(loss, neighbour);
      await settled();
      expect(changes.map(({ kind }) => kind)).toEqual(["overrun", "neighbour"]);
      expect(listings()).toBe(2);
      expect(streams).toHaveLength(1);
      abort.abort();
      await ended;
    },
  );

  it("takes a notification that it cannot read for a loss and goes on with a new stream", async () => {
    const { streams, changes, pauses, warnings, abort, start } = feeding();
    const { ended } = await start();
    streams[0]?.push(Uint8Array.of(1, 2, 3));
    await settled();
    expect(streams).toHaveLength(2);
    expect(streams[0]?.isClosed).toBe(true);
    expect(changes).toEqual([{ kind: "overrun" }]);
    expect(pauses).toEqual([1000]);
    expect(warnings).toHaveLength(1);
    streams[1]?.push(neighbour);
    await settled();
    expect(changes.at(-1)?.kind).toBe("neighbour");
    abort.abort();
    await ended;
  });

  it("that fails each second says so once a minute", async () => {
    const { streams, warnings, abort, start, passTime } = feeding();
    const { ended } = await start();
    for (let second = 0; second < 120; second++) {
      streams.at(-1)?.push(Uint8Array.of(1, 2, 3));
      passTime(1000);
      await settled();
    }
    expect(streams).toHaveLength(121);
    expect(warnings).toHaveLength(2);
    abort.abort();
    await ended;
  });

  it("ends with its signal, closes the socket and says nothing more", async () => {
    const { streams, changes, warnings, abort, start } = feeding();
    const { ended } = await start();
    abort.abort();
    await ended;
    expect(streams[0]?.isClosed).toBe(true);
    streams[0]?.push(neighbour);
    await settled();
    expect(changes).toEqual([]);
    expect(warnings).toEqual([]);
  });

  it("lets other work run during a storm", async () => {
    const { streams, changes, abort, start } = feeding();
    const { ended } = await start();
    let seenMidway = -1;
    setImmediate(() => {
      setImmediate(() => {
        seenMidway = changes.length;
      });
    });
    streams[0]?.push(...new Array<Uint8Array>(2000).fill(neighbour));
    await settled();
    while (changes.length < 2000) await nextTurn();
    expect(seenMidway).toBeGreaterThanOrEqual(0);
    expect(seenMidway).toBeLessThan(2000);
    abort.abort();
    await ended;
  });

  it("does not leave its socket open when the listing fails", async () => {
    const stream = new FakeEvents();
    const feed = new EventFeed({
      source: { open: () => stream, listLinks: () => Promise.reject(new Error("no list")) },
      onChange: () => {},
      clock: STILL_CLOCK,
      log: silentLog,
    });
    await expect(feed.connect()).rejects.toThrow("no list");
    expect(stream.isClosed).toBe(true);
  });
});
