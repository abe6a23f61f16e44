/** The requests of the etcd store, on a client that answers as the test says. */
import { EventEmitter } from "node:events";
import type { IRangeRequest, IWatchResponse } from "etcd3";
import { describe, expect, test } from "vitest";
import { EtcdConnection } from "../../../src/lease/etcd/connection.ts";
import { grantLease, renewLease, revokeLease } from "../../../src/lease/etcd/etcd-lease.ts";
import { grpcLogger } from "../../../src/lease/etcd/grpc-log.ts";
import { keysUnder, singleKey } from "../../../src/lease/etcd/keys.ts";
import { list } from "../../../src/lease/etcd/list.ts";
import { hasChangedSince, untilSilent } from "../../../src/lease/etcd/silence.ts";
import { ETCD_TIMING } from "../../../src/lease/etcd/timing.ts";
import { type Mark, watch } from "../../../src/lease/etcd/watch.ts";
import { MAX_LEASE_BYTES } from "../../../src/lease/lease-value.ts";
import { MemoryFiles } from "../../support/memory-files.ts";
import { RecordingLog } from "../../support/recording-log.ts";
import { SteeredClock } from "../../support/steered-clock.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const { signal } = new AbortController();
const RANGE = keysUnder("/p/subnets/");
const header = { cluster_id: "7", member_id: "1", revision: "40", raft_term: "1" };
const settle = () => new Promise((resolve) => setImmediate(resolve));

class FakeStream extends EventEmitter {
  readonly written: unknown[] = [];
  readonly ends: string[] = [];
  /** Called with each request. */
  answer: (request: unknown) => void = () => {};

  write(request: unknown): void {
    this.written.push(request);
    this.answer(request);
  }
  end(): void {
    this.ends.push("end");
  }
  cancel(): void {
    this.ends.push("cancel");
  }
}

/** @param client what the store uses of etcd3's */
function connectionTo(client: object) {
  const options = {
    ...({ kind: "etcd", endpoints: ["http://192.0.2.1:2379"], prefix: "/p", credentials: null } as const),
    ...{ renewMarginMs: 1, tls: { caFile: null, clientCertificate: null } },
  };
  const parts = { files: new MemoryFiles(), log: new RecordingLog(), clock: new VirtualClock() };
  const connect = async () => ({ close: () => {}, ...client }) as never;
  return new EtcdConnection(options, ETCD_TIMING, { ...parts, connect });
}

describe("an etcd lease", () => {
  const clock = () => {
    const steered = new SteeredClock();
    steered.advance(5_000);
    return steered;
  };

  test("is granted for as long as etcd says, counted from before the request", async () => {
    const steered = clock();
    const requests: unknown[] = [];
    const leaseGrant = async (request: unknown) => {
      requests.push(request);
      steered.advance(100);
      return { ID: "17", TTL: "90" };
    };
    const granted = await grantLease(connectionTo({ leaseClient: { leaseGrant } }), 60, steered, signal);
    expect(granted).toEqual({ id: "17", ttlMs: 90_000, expiresAtMs: 95_000 });
    expect(requests).toEqual([{ TTL: 60 }]);
  });

  const renew = (stream: FakeStream, steered = clock()) =>
    renewLease(
      connectionTo({ leaseClient: { leaseKeepAlive: async () => stream } }),
      "17",
      5_000,
      steered,
      signal,
    );

  test.each([
    ["90", { id: "17", ttlMs: 90_000, expiresAtMs: 95_000 }],
    ["0", null],
  ])("whose renewal answers %s s is %j", async (TTL, expected) => {
    const stream = new FakeStream();
    stream.answer = () => stream.emit("data", { TTL });
    expect(await renew(stream)).toEqual(expected);
    expect(stream.written).toEqual([{ ID: "17" }]);
    expect(stream.ends).toEqual(["end", "cancel"]);
  });

  test.each<[string, (stream: FakeStream) => void, string]>([
    ["by an error", (stream) => stream.emit("error", new Error("reset")), "renew an etcd lease: reset"],
    ["by etcd", (stream) => stream.emit("end"), "renew an etcd lease: etcd closed the stream"],
  ])("whose stream ends %s is not renewed", async (_how, end, message) => {
    const stream = new FakeStream();
    stream.answer = () => end(stream);
    await expect(renew(stream)).rejects.toMatchObject({ code: "store-unavailable", message });
    expect(stream.ends).toEqual(["end", "cancel"]);
  });

  test("whose renewal hangs is given up in time, and otherwise not", async () => {
    const steered = clock();
    const stream = new FakeStream();
    const renewing = renew(stream, steered);
    await settle();
    steered.advance(4_999);
    await settle();
    expect(stream.ends).toEqual([]);
    steered.advance(1);
    await settle();
    expect(stream.ends).toEqual(["cancel"]);
    stream.emit("error", new Error("cancelled"));
    await expect(renewing).rejects.toThrow("cancelled");
    expect(steered.sleepers).toBe(0);
  });

  const revoke = (failure: Error | null) => {
    const requests: unknown[] = [];
    const leaseRevoke = async (request: unknown) => {
      requests.push(request);
      if (failure !== null) throw failure;
    };
    return { requests, done: revokeLease(connectionTo({ leaseClient: { leaseRevoke } }), "17", signal) };
  };

  test("is revoked, also where it is gone", async () => {
    for (const failure of [null, new Error("etcdserver: requested lease not found")]) {
      const { requests, done } = revoke(failure);
      await done;
      expect(requests).toEqual([{ ID: "17" }]);
    }
    await expect(revoke(new Error("reset")).done).rejects.toThrow("revoke an etcd lease: reset");
  });
});

describe("a listing", () => {
  const keyValue = (name: string) => ({
    key: Buffer.from(`/p/subnets/${name}`),
    value: Buffer.from(name),
    create_revision: "3",
    mod_revision: "4",
    version: "1",
    lease: "0",
  });
  /** @param mostEntries of one answer; more are too large to receive */
  const bed = (
    names: readonly string[],
    mostEntries = Number.POSITIVE_INFINITY,
    tooLarge: readonly string[] = [],
  ) => {
    const requests: IRangeRequest[] = [];
    const range = async (request: IRangeRequest) => {
      requests.push(request);
      const first = String(request.key);
      const found = names.map(keyValue).filter(({ key }) => String(key) >= first);
      const kvs = found.slice(0, Number(request.limit));
      const isTooLarge =
        kvs.length > mostEntries || kvs.some(({ value }) => tooLarge.includes(String(value)));
      if (request.keys_only !== true && isTooLarge)
        throw new Error("8 RESOURCE_EXHAUSTED: Received message larger than max");
      return {
        header: { ...header, revision: String(39 + requests.length) },
        kvs,
        more: kvs.length < found.length,
        count: "0",
      };
    };
    const entries: { key: string; size: number }[] = [];
    const read = (range1 = RANGE) =>
      list(
        connectionTo({ kv: { range } }),
        range1,
        ({ key, value }) => void entries.push({ key, size: value.length }),
        signal,
      );
    return { requests, entries, read };
  };
  const names = (count: number) => Array.from({ length: count }, (_, index) => String(1_000 + index));

  test("is read in pages of 500, all at the first one's revision", async () => {
    const { requests, entries, read } = bed(names(1_001));
    expect(await read()).toEqual({ clusterId: "7", revision: 40n });
    expect(entries.map(({ key }) => key)).toEqual(names(1_001));
    expect(
      requests.map(({ key, limit, revision, keys_only }) => [String(key), limit, revision, keys_only]),
    ).toEqual([
      ["/p/subnets/", 500, undefined, false],
      ["/p/subnets/1499\0", 500, "40", false],
      ["/p/subnets/1999\0", 500, "40", false],
    ]);
  });

  test("has smaller pages where answers are too large, and then larger ones again", async () => {
    const { requests, entries, read } = bed(names(600), 200);
    await read();
    expect(entries).toHaveLength(600);
    expect(requests.map(({ limit }) => limit)).toEqual([500, 250, 125, 250, 125, 250, 125, 250, 125, 250]);
  });

  test("has an entry that is too large alone, without its value", async () => {
    const { entries, read } = bed(["1", "2", "3"], 3, ["2"]);
    await read();
    expect(entries.map(({ key }) => key)).toEqual(["1", "2", "3"]);
    expect(entries.map(({ size }) => size)).toEqual([1, expect.any(Number), 1]);
    expect(entries[1]?.size).toBeGreaterThan(MAX_LEASE_BYTES);
  });

  test("of one key names it by nothing, and asks for no end", async () => {
    const { requests, entries, read } = bed(["1"]);
    await read(singleKey("/p/subnets/1"));
    expect(entries).toEqual([{ key: "", size: 1 }]);
    expect(requests).toEqual([expect.not.objectContaining({ range_end: expect.anything() })]);
  });

  test("that fails otherwise is not read in smaller pages", async () => {
    let requests = 0;
    const range = async () => {
      requests += 1;
      throw new Error("no route");
    };
    await expect(list(connectionTo({ kv: { range } }), RANGE, () => {}, signal)).rejects.toThrow(
      "list /p/subnets/: no route",
    );
    expect(requests).toBe(1);
  });
});

describe("the check of a silent watch", () => {
  const changed = async (answer: object) => {
    const requests: unknown[] = [];
    const range = async (request: unknown) => {
      requests.push(request);
      return { header, more: false, ...answer };
    };
    const found = await hasChangedSince(
      connectionTo({ kv: { range } }),
      RANGE,
      { revision: 40n, keys: 3 },
      signal,
    );
    return { found, requests };
  };

  test("finds newer keys, and a number of keys that differs", async () => {
    expect((await changed({ kvs: [], count: "3" })).found).toBe(false);
    expect((await changed({ kvs: [], count: "2" })).found).toBe(true);
    const { found, requests } = await changed({ kvs: [{}], count: "3" });
    expect(found).toBe(true);
    expect(requests).toEqual([
      { key: RANGE.first, range_end: RANGE.end, min_mod_revision: "41", keys_only: true, limit: 1 },
    ]);
  });

  /** @param received counts the responses at each question */
  const silent = (behind: readonly (boolean | Error)[], received: () => number) => {
    const clock = new SteeredClock();
    const stop = new AbortController();
    const asked: number[] = [];
    const state = { isSilent: false };
    const isBehind = async () => {
      const answer = behind[asked.length] ?? false;
      asked.push(clock.nowMs());
      if (answer instanceof Error) throw answer;
      return answer;
    };
    untilSilent({ clock, everyMs: 1_000, settleMs: 100, isBehind, received }, stop.signal).then(
      () => {
        state.isSilent = true;
      },
      () => undefined,
    );
    const pass = async (ms: number) => {
      clock.advance(ms);
      await settle();
    };
    return { asked, pass, state, stop, clock };
  };

  test("is repeated, and ends when nothing arrives after one that found changes", async () => {
    const { asked, pass, state } = silent([false, new Error("away"), true], () => 5);
    for (let count = 0; count < 3; count++) await pass(1_000);
    expect(asked).toEqual([1_000, 2_000, 3_000]);
    expect(state.isSilent).toBe(false);
    await pass(100);
    expect(state.isSilent).toBe(true);
  });

  test("goes on when something arrives in time", async () => {
    let received = 5;
    const { asked, pass, state, stop, clock } = silent([true, true], () => received);
    await pass(1_000);
    received += 1;
    await pass(100);
    await pass(1_000);
    expect([asked, state.isSilent]).toEqual([[1_000, 2_100], false]);
    stop.abort();
    await settle();
    expect([clock.sleepers, state.isSilent]).toEqual([0, false]);
  });
});

describe("a watch", () => {
  const MARK: Mark = { key: "a", modRevision: 40n, createRevision: 30n, content: null };
  const event = (key: string, modRevision: number, createRevision = 30) => ({
    type: "Put",
    kv: {
      key: Buffer.from(`/p/subnets/${key}`),
      value: Buffer.alloc(0),
      create_revision: String(createRevision),
      mod_revision: String(modRevision),
      version: "1",
      lease: "0",
    },
  });
  const response = (events: readonly object[] = [], more: object = {}) =>
    ({
      header,
      events,
      canceled: false,
      compact_revision: "0",
      cancel_reason: "",
      ...more,
    }) as unknown as IWatchResponse;

  function bed(mark: Mark | null = null, isBehind = async () => false) {
    const clock = new SteeredClock();
    const stream = new FakeStream();
    const stop = new AbortController();
    const connection = connectionTo({ watchClient: { watch: async () => stream } });
    const checks = { confirmWithinMs: 5_000, clock, silence: { everyMs: 60_000, isBehind } };
    const responses = watch(connection, RANGE, { revision: 40n, mark }, checks, stop.signal);
    const next = () => {
      const taken = responses.next();
      // A test that fails before it looks at this must not end the process.
      taken.catch(() => undefined);
      return taken;
    };
    return { clock, stream, stop, connection, responses, next };
  }

  test.each([
    ["no mark", null, "41"],
    ["a mark", MARK, "40"],
  ])("with %s begins at its revision", async (_what, mark, revision) => {
    const { stream, next } = bed(mark);
    next();
    await settle();
    expect(stream.written).toEqual([
      { create_request: { key: RANGE.first, range_end: RANGE.end, start_revision: revision } },
    ]);
  });

  test("yields what arrives, in order, and closes its stream when its reader stops", async () => {
    const { stream, next, responses, connection } = bed();
    const first = next();
    await settle();
    for (const one of [response(), response([event("b", 41)])]) stream.emit("data", one);
    expect((await first).value?.events).toEqual([]);
    expect((await next()).value?.events).toHaveLength(1);
    expect(connection.health.outage).toBeNull();
    await responses.return(undefined as never);
    expect(stream.ends).toEqual(["end", "cancel"]);
  });

  test("that is not confirmed in time is an outage", async () => {
    const { clock, next, stream, connection } = bed();
    const first = next();
    await settle();
    clock.advance(5_000);
    await expect(first).rejects.toMatchObject({
      code: "store-unavailable",
      message: "watch /p/subnets/: not confirmed in time",
    });
    expect(connection.health.outage).not.toBeNull();
    expect(stream.ends).toEqual(["end", "cancel"]);
  });

  test("that is confirmed may be silent", async () => {
    const { clock, next, stream } = bed();
    const first = next();
    await settle();
    stream.emit("data", response());
    await first;
    const second = next();
    clock.advance(50_000);
    await settle();
    stream.emit("data", response([event("b", 41)]));
    expect((await second).value?.events).toHaveLength(1);
  });

  test.each<[string, (stream: FakeStream) => void, object]>([
    [
      "an error",
      (stream) => stream.emit("error", new Error("reset")),
      { message: "watch /p/subnets/: reset" },
    ],
    ["the server", (stream) => stream.emit("end"), { message: "watch /p/subnets/: etcd closed the stream" }],
    [
      "a cancellation",
      (stream) => stream.emit("data", response([], { canceled: true, cancel_reason: "permission denied" })),
      { message: expect.stringContaining("etcd ended the watch: permission denied"), code: "store-auth" },
    ],
    [
      "a cancellation without a reason",
      (stream) => stream.emit("data", response([], { canceled: true })),
      { message: "watch /p/subnets/: etcd ended the watch: no reason given" },
    ],
  ])("that %s ends is an outage", async (_by, end, expected) => {
    const { next, stream, connection } = bed();
    const first = next();
    await settle();
    end(stream);
    await expect(first).rejects.toMatchObject(expected);
    expect(connection.health.outage).not.toBeNull();
  });

  test("whose revision is compacted is no outage", async () => {
    const { next, stream, connection } = bed();
    const first = next();
    await settle();
    stream.emit("data", response([], { canceled: true, compact_revision: "50" }));
    await expect(first).rejects.toMatchObject({
      code: "store-compacted",
      message: "watch /p/subnets/: etcd has no history before revision 50",
    });
    expect(connection.health.outage).toBeNull();
  });

  test("delivers what came before its stream ended", async () => {
    const { next, stream } = bed();
    const first = next();
    await settle();
    stream.emit("data", response());
    stream.emit("end");
    stream.emit("error", new Error("later"));
    expect((await first).value?.events).toEqual([]);
    await expect(next()).rejects.toThrow("etcd closed the stream");
  });

  test("with a mark delivers it first", async () => {
    const { next, stream } = bed(MARK);
    const first = next();
    await settle();
    stream.emit("data", response());
    stream.emit("data", response([event("b", 40, 40), event("a", 40), event("c", 41, 41)]));
    stream.emit("data", response([event("d", 42, 42)]));
    await first;
    expect((await next()).value?.events).toHaveLength(3);
    expect((await next()).value?.events).toHaveLength(1);
  });

  test.each<[string, readonly object[]]>([
    ["another revision first", [event("b", 39, 39), event("a", 40)]],
    ["another key at it", [event("b", 40)]],
    ["the key as it was made anew", [event("a", 40, 40)]],
    ["the key at a later revision", [event("b", 40, 40), event("a", 41)]],
  ])("with a mark that etcd shows with %s is of another history", async (_what, events) => {
    const { next, stream, connection } = bed(MARK);
    const first = next();
    await settle();
    stream.emit("data", response());
    await first;
    stream.emit("data", response(events));
    await expect(next()).rejects.toMatchObject({
      code: "store-rewound",
      message: "watch /p/subnets/: etcd no longer has a at revision 40, which was read before",
    });
    expect(connection.health.outage).toBeNull();
  });

  test("with a mark that does not come in time is of another history", async () => {
    const { clock, next, stream } = bed({ ...MARK, key: "" });
    const first = next();
    await settle();
    stream.emit("data", response());
    await first;
    const second = next();
    clock.advance(5_000);
    await expect(second).rejects.toThrow("etcd no longer has the key at revision 40, which was read before");
  });

  test("that delivers nothing of what etcd has ends", async () => {
    const { clock, next, stream, connection } = bed(null, async () => true);
    const first = next();
    await settle();
    stream.emit("data", response());
    await first;
    const second = next();
    clock.advance(60_000);
    await settle();
    clock.advance(5_000);
    await expect(second).rejects.toMatchObject({
      code: "store-silent",
      message: "watch /p/subnets/: the watch is open, and does not deliver what etcd has",
    });
    expect(connection.health.outage).not.toBeNull();
    expect(clock.sleepers).toBe(0);
  });

  test("ends with its signal, and closes a stream that opens too late", async () => {
    const { next, stop, stream, connection } = bed();
    const first = next();
    await settle();
    stop.abort(new Error("stopped"));
    await expect(first).rejects.toThrow("stopped");
    expect(stream.ends).toEqual(["end", "cancel"]);
    expect(connection.health.outage).toBeNull();

    const late = new FakeStream();
    let open = () => {};
    const opening = new Promise<FakeStream>((resolve) => {
      open = () => resolve(late);
    });
    const stopEarly = new AbortController();
    const checks = {
      confirmWithinMs: 5_000,
      clock: new SteeredClock(),
      silence: { everyMs: 1, isBehind: async () => false },
    };
    const early = watch(
      connectionTo({ watchClient: { watch: () => opening } }),
      RANGE,
      { revision: 1n, mark: null },
      checks,
      stopEarly.signal,
    ).next();
    await settle();
    stopEarly.abort(new Error("stopped"));
    await expect(early).rejects.toThrow("stopped");
    open();
    await settle();
    expect(late.ends).toEqual(["end", "cancel"]);
  });
});

test("the gRPC library's messages are debug lines", () => {
  const log = new RecordingLog();
  const logger = grpcLogger(log);
  for (const level of ["error", "info", "debug"] as const) logger[level]("dns_resolver", 7);
  const line = {
    level: "debug",
    fields: { op: "grpc", reason: "dns_resolver 7" },
    message: "gRPC library message",
  };
  expect(log.lines).toEqual([line, line, line]);
});
