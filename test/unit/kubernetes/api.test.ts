/** One request to the API server: what is sent, when credentials are read again, and what becomes of the answer. */
import { describe, expect, test } from "vitest";
import { Api, type ApiRequest } from "../../../src/lease/kubernetes/api.ts";
import type { Access } from "../../../src/lease/kubernetes/credentials.ts";
import { Outage } from "../../../src/lease/kubernetes/outage.ts";
import { KUBERNETES_TIMING } from "../../../src/lease/kubernetes/timing.ts";
import type { ApiTransport, HttpRequest } from "../../../src/lease/kubernetes/transport.ts";
import { systemRandom } from "../../../src/runtime/random.ts";
import { RecordingLog } from "../../support/recording-log.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const { signal } = new AbortController();
const READ: ApiRequest = { operation: "read node n1", path: "/api/v1/nodes/n1" };
const ANSWER_MS = 7_000;

interface Answer {
  readonly status: number;
  readonly chunks?: readonly (string | Error)[];
  readonly retryAfter?: string;
}

/** A server that gives these answers in turn, and the last one for ever; an error breaks the connection. */
function bed(answers: readonly (Answer | Error)[]) {
  const sent: HttpRequest[] = [];
  let destroyed = 0;
  let reads = 0;
  let isKnown = false;
  const credentials = {
    async access(): Promise<Access> {
      const isFresh = !isKnown;
      if (isFresh) reads += 1;
      isKnown = true;
      const headers = { Authorization: `Bearer token-${reads}` };
      return { url: new URL("http://192.0.2.1:8080"), headers, tls: {}, proxyAgent: null, isFresh };
    },
    forget: () => {
      isKnown = false;
    },
  };
  const transport: ApiTransport = {
    async send(request) {
      const answer = answers[Math.min(sent.length, answers.length - 1)];
      sent.push(request);
      if (answer === undefined || answer instanceof Error) throw answer;
      const { status, retryAfter, chunks = [] } = answer;
      return { status, retryAfter, chunks: arriving(chunks), destroy: () => void destroyed++ };
    },
    close: () => void destroyed++,
  };
  const clock = new VirtualClock();
  const outage = new Outage(clock, systemRandom, new RecordingLog(), KUBERNETES_TIMING.outage);
  const api = new Api(credentials, transport, outage, ANSWER_MS);
  const failure = (request: ApiRequest = READ) => api.read(request, signal).catch((error: unknown) => error);
  return { api, sent, outage, clock, failure, destroyed: () => destroyed, reads: () => reads };
}

async function* arriving(chunks: readonly (string | Error)[]): AsyncGenerator<Buffer> {
  for (const chunk of chunks) {
    if (chunk instanceof Error) throw chunk;
    yield Buffer.from(chunk);
  }
}

describe("a request", () => {
  const headers = { Accept: "application/json", "User-Agent": "tweed", Authorization: "Bearer token-1" };
  const silences = { answerMs: ANSWER_MS, silenceMs: ANSWER_MS };

  test.each<[string, Partial<ApiRequest>, Partial<HttpRequest>]>([
    ["reads", {}, { method: "GET", path: READ.path, body: undefined, headers, ...silences }],
    [
      "has its query in the path",
      { query: { watch: "1", a: "b c" } },
      { path: `${READ.path}?watch=1&a=b+c` },
    ],
    ["may be silent for its own time", { silenceMs: 90_000 }, { answerMs: ANSWER_MS, silenceMs: 90_000 }],
    [
      "patches",
      { patch: { a: 1 } },
      {
        method: "PATCH",
        body: '{"a":1}',
        headers: { ...headers, "Content-Type": "application/strategic-merge-patch+json" },
      },
    ],
    [
      "creates",
      { create: { b: 2 } },
      { method: "POST", body: '{"b":2}', headers: { ...headers, "Content-Type": "application/json" } },
    ],
  ])("%s", async (_what, request, expected) => {
    const { api, sent } = bed([{ status: 200 }]);
    await api.read({ ...READ, ...request }, signal);
    expect(sent).toEqual([expect.objectContaining(expected)]);
  });

  test("returns the whole body, and closes the answer", async () => {
    const { api, destroyed } = bed([{ status: 201, chunks: ["ab", "c"] }]);
    expect(String(await api.read(READ, signal))).toBe("abc");
    expect(destroyed()).toBe(1);
  });

  test("as a stream begins with an empty chunk, as soon as the server has accepted", async () => {
    const { api } = bed([{ status: 200, chunks: ["a"] }]);
    const chunks: string[] = [];
    for await (const chunk of api.stream(READ, signal)) chunks.push(String(chunk));
    expect(chunks).toEqual(["", "a"]);
  });

  test("whose reader stops closes the answer", async () => {
    const { api, destroyed } = bed([{ status: 200, chunks: ["a", "b"] }]);
    for await (const _ of api.stream(READ, signal)) break;
    expect(destroyed()).toBe(1);
  });

  test("closes its connections with the daemon", () => {
    const { api, destroyed } = bed([]);
    api.close();
    expect(destroyed()).toBe(1);
  });
});

describe("a token that is refused", () => {
  test("is read again, once, if it was not read for this request", async () => {
    const { api, sent, reads, failure } = bed([
      { status: 200 },
      { status: 401 },
      { status: 200 },
      { status: 401 },
    ]);
    await api.read(READ, signal);
    await api.read(READ, signal);
    expect(sent.map(({ headers }) => headers.Authorization)).toEqual(
      ["token-1", "token-1", "token-2"].map((token) => `Bearer ${token}`),
    );
    expect(await failure()).toMatchObject({ code: "store-auth", isOutage: true });
    expect([reads(), sent.length]).toEqual([3, 5]);
  });

  test("is not read again for another refusal", async () => {
    const { api, failure, reads } = bed([{ status: 200 }, { status: 403 }]);
    await api.read(READ, signal);
    expect(await failure()).toMatchObject({ code: "store-auth", isOutage: false });
    expect(reads()).toBe(1);
  });
});

describe("a refusal", () => {
  const status = (message: string) => JSON.stringify({ kind: "Status", message });

  test.each([199, 300, 404])("is an answer with status %i", async (code) => {
    const { failure, sent } = bed([{ status: code, chunks: [status("no")] }]);
    expect(await failure()).toMatchObject({ isAnswer: true, operation: READ.operation });
    expect(sent).toHaveLength(1);
  });

  test("has the server's text and the wait that it asks for", async () => {
    const { failure } = bed([{ status: 503, retryAfter: "7", chunks: [status("starting "), ""] }]);
    expect(await failure()).toMatchObject({
      message: "read node n1: the API server answers 503: starting ",
      retryAfterMs: 7_000,
    });
  });

  test("is read no further than 16 KiB", async () => {
    const first = status("x".repeat(900)).padEnd(16 * 1024);
    const whole = bed([{ status: 400, chunks: [first] }]);
    expect(String(await whole.failure())).toContain("x".repeat(900));
    const endless = bed([{ status: 400, chunks: [first, " ", new Error("read too far")] }]);
    expect(String(await endless.failure())).toContain("x".repeat(900));
  });

  test("that breaks off is no answer", async () => {
    const { failure } = bed([{ status: 403, chunks: ["{", new Error("reset")] }]);
    expect(await failure()).toMatchObject({
      code: "store-unavailable",
      message: "read node n1: reset",
      isAnswer: false,
    });
  });

  test.each<[string, Partial<ApiRequest>]>([
    ["get and list on nodes", {}],
    ["get and list on nodes", { query: { limit: "500" } }],
    ["watch on nodes", { query: { watch: "1" } }],
    ["patch on nodes/status", { patch: {} }],
    ["create on events in the namespace default", { create: {} }],
    ["get on pods in the daemon's namespace", { path: "/api/v1/namespaces/kube-system/pods/p" }],
  ])("names the right to %s", async (right, request) => {
    const { failure } = bed([{ status: 403 }]);
    expect(String(await failure({ ...READ, ...request }))).toContain(`has to allow ${right}`);
  });
});

describe("a connection that breaks", () => {
  test("before the answer is an outage, in the network's words", async () => {
    const { failure, outage } = bed([new Error("connect ECONNREFUSED")]);
    expect(await failure()).toMatchObject({
      code: "store-unavailable",
      message: "read node n1: connect ECONNREFUSED",
      cause: new Error("connect ECONNREFUSED"),
    });
    expect(outage.health.outage).not.toBeNull();
  });

  test("within the answer is one too, and closes it", async () => {
    const { failure, outage, destroyed } = bed([{ status: 200, chunks: ["a", new Error("reset")] }]);
    expect(await failure()).toMatchObject({ code: "store-unavailable", message: "read node n1: reset" });
    expect(outage.health.outage).not.toBeNull();
    expect(destroyed()).toBe(1);
  });

  test.each<[string, Answer | Error]>([
    ["before", new Error("aborted")],
    ["within", { status: 200, chunks: [new Error("aborted")] }],
    ["within the refusal", { status: 500, chunks: [new Error("aborted")] }],
  ])("because the daemon stops, %s the answer, is none", async (_when, answer) => {
    const { api, outage } = bed([answer]);
    const stop = new AbortController();
    const reading = api.read(READ, stop.signal);
    stop.abort(new Error("stopped"));
    await expect(reading).rejects.toThrow("stopped");
    expect(outage.health.outage).toBeNull();
  });
});
