/** What an outage of the API server costs: no peer, and one request for each wait. */
import { writeFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { KubernetesTiming } from "../../src/lease/kubernetes/timing.ts";
import { type Clock, systemClock } from "../../src/runtime/clock.ts";
import { execute } from "../../src/runtime/program.ts";
import { CountedClock } from "../support/counted-clock.ts";
import { eventually } from "../support/eventually.ts";
import { KubeBed } from "../support/kube-api/kube-bed.ts";
import { nodeObject } from "../support/kube-api/node-object.ts";
import { content, network, request } from "../support/lease-fixtures.ts";
import { MaintainedLease } from "../support/maintained-lease.ts";
import { SteeredClock } from "../support/steered-clock.ts";

const OUTAGE = { firstRetryMs: 200, retryIntervalMs: 1_000 };
/** The longest that nobody asks: what is random of it included. */
const WAIT_MS = OUTAGE.firstRetryMs + OUTAGE.retryIntervalMs;

let bed: KubeBed;
let stop = new AbortController();
beforeAll(async () => {
  bed = await KubeBed.start();
});
afterAll(() => bed.teardown());
afterEach(async () => {
  stop.abort();
  stop = new AbortController();
  await bed.clear();
});

const peer = (index: number) => bed.flannelNode(`p${index}`, `10.244.${index}.0/24`, `192.0.2.${index}`);

const watches = () => bed.api.front.seen.filter(({ url }) => url.includes("watch=")).length;

/** A daemon as it runs: following everybody, and keeping what it holds. */
async function daemon(timing: Partial<KubernetesTiming> = {}, clock: Clock = systemClock) {
  await bed.api.create(nodeObject("own", { podCidrs: ["10.244.1.0/24"] }));
  await peer(2);
  const store = await bed.store("own", {}, { outage: OUTAGE, ...timing }, clock);
  const reader = bed.reader(store);
  const config = network({ Network: "10.244.0.0/16" });
  const held = await store.acquire(request(config, content("192.0.2.1")), stop.signal);
  store.networkIsUp();
  const kept = new MaintainedLease(store, held, stop.signal);
  await reader.untilKeys(["own", "p2"]);
  await eventually(() => bed.condition("own")).toBeDefined();
  return { store, reader, kept };
}

describe("an API server that is away", () => {
  test("costs no peer, and what happened meanwhile is there afterwards", async () => {
    const clock = new CountedClock();
    const { reader, kept } = await daemon({ outage: { firstRetryMs: 30, retryIntervalMs: 30 } }, clock);
    await bed.api.front.stop();
    const { sleeps } = clock;
    await eventually(() => clock.sleeps).toBeGreaterThan(sleeps + 10);
    expect(reader.keys).toEqual(["own", "p2"]);
    await bed.api.front.start();
    await peer(3);
    await reader.untilKeys(["own", "p2", "p3"]);
    expect(kept.fate).toBe("kept");
    const outage = bed.log.lines.filter(({ message }) => message.startsWith("API server"));
    expect(outage.map(({ level }) => level)).toEqual(["warn", "info"]);
  });
});

describe.each([{ status: 429, retryAfter: "1" }, { status: 503 }])(
  "an API server that answers %o",
  (refusal) => {
    test("is asked by one request at a time, however many wait", async () => {
      const clock = new SteeredClock();
      const { store, reader } = await clock.during(daemon({}, clock));
      const { front } = bed.api;
      front.refusal = refusal;
      front.cut();
      await eventually(() => bed.log.text()).toContain("API server does not answer");
      front.seen.length = 0;
      const wanting = Promise.all([1, 2, 3].map(() => store.publicIps(stop.signal)));
      for (let waits = 1; waits <= 5; waits++) {
        clock.advance(WAIT_MS);
        await eventually(() => front.seen.length).toBe(waits);
        // These three and the watch wait again.
        await eventually(() => clock.sleepers).toBe(4);
      }
      expect(front.seen).toHaveLength(5);
      front.refusal = null;
      await peer(3);
      await clock.during(reader.untilKeys(["own", "p2", "p3"]));
      await clock.during(wanting);
    });
  },
);

describe("a token", () => {
  test("that is not renewed in time costs one request in each wait, and no peer", async () => {
    const clock = new SteeredClock();
    const { reader } = await clock.during(daemon({}, clock));
    const { front } = bed.api;
    front.tokens.clear();
    front.tokens.add("the-next-token");
    front.cut();
    await eventually(() => bed.log.text()).toContain("API server does not answer");
    front.seen.length = 0;
    for (let waits = 1; waits <= 3; waits++) {
      clock.advance(WAIT_MS);
      // The first time with the token that was known, and with the file's.
      await eventually(() => front.seen.length).toBe(waits + 1);
      await eventually(() => clock.sleepers).toBe(1);
    }
    expect(front.seen).toHaveLength(4);
    expect(reader.keys).toEqual(["own", "p2"]);
    await writeFile(`${bed.api.directory}/own.token`, "the-next-token\n");
    await peer(3);
    await clock.during(reader.untilKeys(["own", "p2", "p3"]));
  });

  test("that is rotated costs one request", async () => {
    const { store } = await daemon();
    const { front } = bed.api;
    await writeFile(`${bed.api.directory}/own.token`, "the-next-token\n");
    front.tokens.clear();
    front.tokens.add("the-next-token");
    front.seen.length = 0;
    await store.publicIps(stop.signal);
    expect(front.seen.map(({ token }) => token)).toEqual(["token-of-own", "the-next-token"]);
    expect(bed.log.text()).not.toContain("token-of-own");
  });

  test("that was rotated while the connection broke costs one request, and no wait beyond that", async () => {
    const { reader } = await daemon();
    const { front } = bed.api;
    await writeFile(`${bed.api.directory}/own.token`, "the-next-token\n");
    front.tokens.clear();
    front.tokens.add("the-next-token");
    front.seen.length = 0;
    front.cut();
    await peer(3);
    await reader.untilKeys(["own", "p2", "p3"]);
    // The next two ask for the server's version, and watch.
    const next = "the-next-token";
    expect(front.seen.map(({ token }) => token)).toEqual(["token-of-own", next, next]);
  });

  test("that is refused is reported with what to check, and taken once it counts", async () => {
    const store = await bed.store("own");
    bed.api.front.tokens.clear();
    await expect(store.publicIps(stop.signal)).rejects.toMatchObject({ code: "store-auth", retryable: true });
    bed.api.front.tokens.add("token-of-own");
    expect(await store.publicIps(stop.signal)).toEqual({ v4: null, v6: null });
  });
});

describe("an API server that takes a watch and does not answer it", () => {
  test("is given up long before a silent watch would be", async () => {
    const { reader } = await daemon({ answerMs: 400 });
    const { front } = bed.api;
    front.stall("watches");
    front.seen.length = 0;
    front.cut();
    await eventually(watches).toBeGreaterThan(1);
    front.flow();
    await peer(3);
    await reader.untilKeys(["own", "p2", "p3"]);
  });
});

describe("connections", () => {
  test("are one for the watch, and another only while something else is asked", async () => {
    const { store, reader } = await daemon({ answerMs: 1_500 });
    const { front } = bed.api;
    for (let count = 0; count < 5; count++) await store.publicIps(stop.signal);
    expect(front.connections).toBeLessThanOrEqual(2);
    // It ends when it was silent for as long as an answer may take, and the watch has been silent for longer.
    await eventually(() => front.connections).toBe(1);
    await peer(3);
    await reader.untilKeys(["own", "p2", "p3"]);
    await eventually(() => front.connections).toBe(1);
    expect(watches()).toBe(1);
  });

  test("are asked by the kernel whether they live, whichever the watch goes over", async () => {
    await daemon();
    const port = new URL(bed.api.front.url).port;
    const timers = () => execute("ss", ["-Htno", "state", "established", `dport = :${port}`]);
    const lines = async () => (await timers()).stdout.trim().split("\n");
    const before = watches();
    bed.api.front.cut();
    await eventually(watches).toBeGreaterThan(before);
    // ss writes "10sec" and "9.988ms" for seconds; what the kernel does by itself begins at two hours.
    const isAsked = expect.stringMatching(/timer:\(keepalive,(?:10sec|\d\.\d+ms)/);
    await eventually(lines).toEqual([isAsked]);
  });

  test("are not made to a server that another authority vouches for", async () => {
    const other = await KubeBed.start();
    try {
      const { file } = await other.api.kubeconfig("x", "token");
      const store = await bed.store("own", { apiUrl: bed.api.front.url, kubeconfigFile: file });
      const refused = store.publicIps(stop.signal).catch(() => null);
      await eventually(() => bed.log.text()).toContain("certificate");
      expect(bed.api.front.seen).toHaveLength(0);
      stop.abort();
      await refused;
    } finally {
      await other.teardown();
    }
  });
});
