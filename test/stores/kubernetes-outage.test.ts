/** What an outage of the API server costs: no peer, few requests, and at most 10 s afterwards. */
import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { KubernetesTiming } from "../../src/lease/kubernetes/timing.ts";
import { execute } from "../../src/runtime/program.ts";
import { eventually } from "../support/kube-api/eventually.ts";
import { KubeBed } from "../support/kube-api/kube-bed.ts";
import { nodeObject } from "../support/kube-api/node-object.ts";
import { content, network, request } from "../support/lease-fixtures.ts";

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
async function daemon(timing: Partial<KubernetesTiming> = {}) {
  await bed.api.create(nodeObject("own", { podCidrs: ["10.244.1.0/24"] }));
  await peer(2);
  const store = await bed.store("own", {}, timing);
  const reader = bed.reader(store);
  const config = network({ Network: "10.244.0.0/16" });
  const held = await store.acquire(request(config, content("192.0.2.1")), stop.signal);
  store.networkIsUp();
  const kept = store.keep(held, stop.signal).catch(() => "");
  await reader.untilKeys(["own", "p2"]);
  await eventually(async () => (await bed.condition("own")) !== undefined);
  return { store, reader, kept };
}

describe("an API server that is away", () => {
  test("costs no peer, and what happened meanwhile is there soon after", async () => {
    const { reader } = await daemon();
    await bed.api.front.stop();
    await sleep(3000);
    expect(reader.keys).toEqual(["own", "p2"]);
    await bed.api.front.start();
    await peer(3);
    // A wait and the time to connect.
    expect(await reader.untilKeys(["own", "p2", "p3"])).toBeLessThan(1500);
    const outage = bed.log.lines.filter(({ message }) => message.startsWith("the API server"));
    expect(outage.map(({ level }) => level)).toEqual(["warn", "info"]);
  });
});

describe.each([{ status: 429, retryAfter: "1" }, { status: 503 }])(
  "an API server that answers %o",
  (refusal) => {
    test("is asked by one request at a time, however many wait", async () => {
      const { store, reader } = await daemon();
      bed.api.front.refusal = refusal;
      bed.api.front.cut();
      bed.api.front.seen.length = 0;
      await eventually(async () => bed.log.text().includes("does not serve"));
      const wanting = [1, 2, 3].map(() => store.publicIps(stop.signal));
      await sleep(3500);
      expect(bed.api.front.seen.length).toBeLessThanOrEqual(4);
      bed.api.front.refusal = null;
      await peer(3);
      await reader.untilKeys(["own", "p2", "p3"]);
      await Promise.all(wanting);
    });
  },
);

describe("a token", () => {
  test("that is not renewed in time costs one request in each wait, and no peer", async () => {
    const { reader } = await daemon();
    const { front } = bed.api;
    front.tokens.clear();
    front.tokens.add("the-next-token");
    front.cut();
    await eventually(async () => bed.log.text().includes("does not serve"));
    front.seen.length = 0;
    await sleep(3200);
    // The first time with the token that was known, and with the file's.
    expect(front.seen.length).toBeLessThanOrEqual(5);
    expect(reader.keys).toEqual(["own", "p2"]);
    await writeFile(`${bed.api.directory}/own.token`, "the-next-token\n");
    await peer(3);
    expect(await reader.untilKeys(["own", "p2", "p3"])).toBeLessThan(1500);
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

  test("that was rotated while the connection broke costs no wait beyond that", async () => {
    const { reader } = await daemon();
    const { front } = bed.api;
    await writeFile(`${bed.api.directory}/own.token`, "the-next-token\n");
    front.tokens.clear();
    front.tokens.add("the-next-token");
    front.seen.length = 0;
    front.cut();
    await peer(3);
    const rightMs = await reader.untilKeys(["own", "p2", "p3"]);
    expect(front.seen.map(({ token }) => token)).toEqual(["token-of-own", "the-next-token"]);
    expect(rightMs).toBeLessThan(600);
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
    bed.api.front.stall();
    bed.api.front.cut();
    await eventually(async () => watches() === 3);
    bed.api.front.flow();
    await peer(3);
    expect(await reader.untilKeys(["own", "p2", "p3"])).toBeLessThan(1500);
  });
});

describe("connections", () => {
  test("are one for the watch, and another only while something else is asked", async () => {
    const { store, reader } = await daemon({ answerMs: 600 });
    for (let count = 0; count < 5; count++) await store.publicIps(stop.signal);
    expect(bed.api.front.connections).toBeLessThanOrEqual(2);
    await eventually(async () => bed.api.front.connections === 1);
    await sleep(1000);
    await peer(3);
    await reader.untilKeys(["own", "p2", "p3"]);
    await eventually(async () => bed.api.front.connections === 1);
    expect(watches()).toBe(1);
  });

  test("are asked by the kernel whether they live, whichever the watch goes over", async () => {
    await daemon();
    const port = new URL(bed.api.front.url).port;
    const timers = () => execute("ss", ["-Htno", "state", "established", `dport = :${port}`]);
    const isAsked = async () => {
      const lines = (await timers()).stdout.trim().split("\n");
      // ss writes "10sec" and "9.988ms" for seconds; what the kernel does by itself begins at two hours.
      return lines.length === 1 && /timer:\(keepalive,(?:10sec|\d\.\d+ms)/.test(lines[0] ?? "");
    };
    bed.api.front.cut();
    await eventually(async () => watches() === 2);
    await eventually(isAsked);
  });

  test("are not made to a server that another authority vouches for", async () => {
    const other = await KubeBed.start();
    try {
      const { file } = await other.api.kubeconfig("x", "token");
      const store = await bed.store("own", { apiUrl: bed.api.front.url, kubeconfigFile: file });
      const refused = store.publicIps(stop.signal).catch(() => null);
      await eventually(async () => bed.log.text().includes("certificate"));
      expect(bed.api.front.seen).toHaveLength(0);
      stop.abort();
      await refused;
    } finally {
      await other.teardown();
    }
  });
});
