import { describe, expect, it } from "vitest";
import { refusal, unavailable } from "../../../src/lease/kubernetes/api-error.ts";
import { Outage } from "../../../src/lease/kubernetes/outage.ts";
import { KUBERNETES_TIMING } from "../../../src/lease/kubernetes/timing.ts";
import { systemRandom } from "../../../src/runtime/random.ts";
import { RecordingLog } from "../../support/recording-log.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const report = { httpStatus: 503, message: "", causes: [], retryAfterMs: null };
const signal = new AbortController().signal;

/** A server that refuses until `untilMs`, and how it is asked by so many at once. */
async function ask(untilMs: number, askers: number, failure: () => Error) {
  const clock = new VirtualClock();
  const log = new RecordingLog();
  const outage = new Outage(clock, systemRandom, log, KUBERNETES_TIMING.outage);
  const sentMs: number[] = [];
  const one = async () => {
    for (;;) {
      const send = async () => {
        sentMs.push(clock.nowMs());
        await clock.sleep(5);
        if (clock.nowMs() < untilMs) throw failure();
      };
      try {
        return await outage.pass(send, signal);
      } catch {
        // The next pass waits as long as it has to.
      }
    }
  };
  // The first finds out; the others come when it is known.
  const first = one();
  await clock.sleep(6);
  await Promise.all([first, ...Array.from({ length: askers - 1 }, one)]);
  const during = sentMs.filter((ms) => ms < untilMs);
  return { during, recoveredMs: (sentMs.find((ms) => ms >= untilMs) ?? Number.NaN) - untilMs, log };
}

describe.each([120_000, 300_000])("an outage of %d ms", (lastsMs) => {
  it.each([1, 5])("that the server itself reports costs one request in 10 s of %d askers", async (askers) => {
    const { during, recoveredMs } = await ask(lastsMs, askers, () => refusal("read", report, "get on nodes"));
    expect(during.length).toBeLessThanOrEqual(lastsMs / 10_000);
    expect(recoveredMs).toBeLessThanOrEqual(10_000);
  });

  it("of the connection is tried again soon, and then as seldom", async () => {
    const { during, recoveredMs } = await ask(lastsMs, 3, () => unavailable("read", "refused"));
    const [first = 0, second = 0, ...later] = during;
    expect(second - first).toBeLessThan(1600);
    expect(later.length).toBeLessThanOrEqual(lastsMs / 10_000);
    expect(recoveredMs).toBeLessThanOrEqual(10_000);
  });

  it("is one line a minute, and one when it is over", async () => {
    const { log } = await ask(lastsMs, 4, () => refusal("read", report, "get on nodes"));
    expect(log.warnings().length).toBeLessThanOrEqual(1 + lastsMs / 60_000);
    expect(log.lines.at(-1)).toMatchObject({ level: "info", message: "API server answers again" });
  });
});

describe("a server that says when to come back", () => {
  it("is not asked before", async () => {
    const { during } = await ask(100_000, 2, () =>
      refusal("read", { ...report, retryAfterMs: 30_000 }, "get on nodes"),
    );
    expect(during.length).toBeLessThanOrEqual(4);
  });
});

describe("a connection that breaks soon after each answer", () => {
  it("is made anew once at once, and then as seldom as in an outage", async () => {
    const clock = new VirtualClock();
    const outage = new Outage(clock, systemRandom, new RecordingLog(), KUBERNETES_TIMING.outage);
    const sentMs: number[] = [];
    while (clock.nowMs() < 100_000) {
      await outage.pass(async () => void sentMs.push(clock.nowMs()), signal);
      await clock.sleep(100);
      outage.broken(unavailable("watch", "reset"));
    }
    const [first = 0, second = 0, ...later] = sentMs;
    expect(second - first).toBeLessThan(1700);
    expect(later.length).toBeLessThanOrEqual(10);
  });
});

describe("a request that hangs until it is given up", () => {
  it("counts from when it was sent: the next waits no longer than 10 s in all", async () => {
    const clock = new VirtualClock();
    const outage = new Outage(clock, systemRandom, new RecordingLog(), KUBERNETES_TIMING.outage);
    const sentMs: number[] = [];
    const hang = async () => {
      sentMs.push(clock.nowMs());
      await clock.sleep(8000);
      throw unavailable("read", "no data received");
    };
    for (let count = 0; count < 6; count++) await outage.pass(hang, signal).catch(() => {});
    const gaps = sentMs.slice(2).map((ms, index) => ms - (sentMs[index + 1] ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(10_000);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(9_900);
  });
});

describe("credentials", () => {
  it("that the server does not take are an outage", async () => {
    const { during, recoveredMs } = await ask(60_000, 3, () =>
      refusal("read", { ...report, httpStatus: 401 }, "get on nodes"),
    );
    expect(during.length).toBeLessThanOrEqual(6);
    expect(recoveredMs).toBeLessThanOrEqual(10_000);
  });

  it("that cannot be read say nothing of the server", async () => {
    const outage = new Outage(new VirtualClock(), systemRandom, new RecordingLog(), KUBERNETES_TIMING.outage);
    await expect(outage.pass(() => Promise.reject(unavailable("read", "x")), signal)).rejects.toThrow();
    const unreadable = () => Promise.reject(new Error("no such file"));
    await expect(outage.pass(unreadable, signal)).rejects.toThrow("no such file");
    expect(outage.health.outage).not.toBeNull();
  });
});

describe("what is refused for good", () => {
  it("is no outage", async () => {
    const outage = new Outage(new VirtualClock(), systemRandom, new RecordingLog(), KUBERNETES_TIMING.outage);
    const forbidden = () => Promise.reject(refusal("read", { ...report, httpStatus: 403 }, "get on nodes"));
    await expect(outage.pass(forbidden, signal)).rejects.toThrow(/get on nodes/);
    expect(outage.health.outage).toBeNull();
  });
});

describe("a request that is given up while it finds out", () => {
  it("lets the next one find out", async () => {
    const clock = new VirtualClock();
    const outage = new Outage(clock, systemRandom, new RecordingLog(), KUBERNETES_TIMING.outage);
    await expect(outage.pass(() => Promise.reject(unavailable("read", "x")), signal)).rejects.toThrow();
    const stop = new AbortController();
    const given = outage.pass(
      () =>
        new Promise((_, reject) => {
          stop.signal.addEventListener("abort", () => reject(stop.signal.reason));
          setImmediate(() => stop.abort());
        }),
      stop.signal,
    );
    await expect(given).rejects.toThrow();
    expect(await outage.pass(async () => "there", signal)).toBe("there");
  });
});

describe("failures of requests that were in flight together", () => {
  const bed = () => {
    const clock = new VirtualClock();
    const outage = new Outage(clock, systemRandom, new RecordingLog(), KUBERNETES_TIMING.outage);
    const failAfter = (ms: number) =>
      outage
        .pass(async () => {
          await clock.sleep(ms);
          throw unavailable("read", "reset");
        }, signal)
        .catch(() => {});
    const nextSentMs = () => outage.pass(async () => clock.nowMs(), signal);
    return { clock, outage, failAfter, nextSentMs };
  };

  it("are one: the next request is not later for it, nor at once", async () => {
    for (let round = 0; round < 20; round++) {
      const { failAfter, nextSentMs } = bed();
      await Promise.all([failAfter(100), failAfter(200), failAfter(300)]);
      const sentMs = await nextSentMs();
      expect(sentMs).toBeGreaterThanOrEqual(600);
      expect(sentMs).toBeLessThanOrEqual(1_600);
    }
  });

  it("are one with that of a connection that breaks then", async () => {
    const { outage, failAfter, nextSentMs } = bed();
    await failAfter(100);
    outage.broken(unavailable("watch", "reset"));
    expect(await nextSentMs()).toBeLessThanOrEqual(1_600);
  });

  it("are in the health, in the server's words or the network's", async () => {
    const { outage } = bed();
    const fail = (error: Error) => outage.pass(() => Promise.reject(error), signal).catch(() => {});
    await fail(unavailable("read node n1", "connect ECONNREFUSED"));
    expect(outage.health.outage?.reason).toBe("the API server does not answer: connection refused");
    await fail(refusal("read node n1", { ...report, message: "starting" }, "get on nodes"));
    expect(outage.health.outage?.reason).toBe("the API server answers 503: starting");
  });
});
