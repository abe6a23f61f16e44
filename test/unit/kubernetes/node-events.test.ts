/** How many Events a node makes, whatever goes on in its network configuration. */
import { expect, test } from "vitest";
import type { Api, ApiRequest } from "../../../src/lease/kubernetes/api.ts";
import { refusal, unavailable } from "../../../src/lease/kubernetes/api-error.ts";
import type { FollowContext } from "../../../src/lease/kubernetes/follow.ts";
import { NodeEvents } from "../../../src/lease/kubernetes/node-events.ts";
import { KUBERNETES_TIMING } from "../../../src/lease/kubernetes/timing.ts";
import { nodeFiles } from "../../../src/runtime/node-files.ts";
import { systemRandom } from "../../../src/runtime/random.ts";
import { RecordingLog } from "../../support/recording-log.ts";
import { SteeredClock } from "../../support/steered-clock.ts";

/** Lets everything run that waits for nothing. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

/** @param failures of the first requests */
function bed(failures: readonly Error[] = []) {
  const posted: string[] = [];
  const requests: ApiRequest[] = [];
  const clock = new SteeredClock();
  const log = new RecordingLog();
  const api = {
    async read(request: ApiRequest) {
      requests.push(request);
      const failure = failures[requests.length - 1];
      if (failure !== undefined) throw failure;
      posted.push(String(request.create?.message));
      return Buffer.alloc(0);
    },
  };
  const context: FollowContext = {
    clock,
    random: systemRandom,
    files: nodeFiles,
    log,
    api: api as unknown as Api,
    timing: KUBERNETES_TIMING,
  };
  return { posted, requests, clock, log, events: new NodeEvents(context, async () => "worker-1") };
}

test("500 refusals are 10 Events, and then the newest", async () => {
  const { posted, clock, events } = bed();
  for (let refusal = 1; refusal <= 500; refusal++) {
    events.post({ reason: "NetworkConfigRefused", message: `refusal ${refusal}` });
  }
  await settle();
  expect(posted).toEqual(Array.from({ length: 10 }, (_, index) => `refusal ${index + 1}`));
  clock.advance(300_000);
  await settle();
  expect(posted.slice(10)).toEqual(["refusal 500"]);
  events.post({ reason: "NetworkConfigRefused", message: "another" });
  await settle();
  expect(posted).toHaveLength(11);
  events.close();
});

test("after an hour of quiet there are 10 again", async () => {
  const { posted, clock, events } = bed();
  const burst = async () => {
    for (let refusal = 0; refusal < 10; refusal++) events.post({ reason: "R", message: String(refusal) });
    await settle();
  };
  await burst();
  clock.advance(3_600_000);
  await burst();
  expect(posted).toHaveLength(20);
  events.close();
});

const REFUSED = { reason: "NetworkConfigRefused", message: "Backend.VNI is -1" };
const answer = (httpStatus: number) =>
  refusal("post", { httpStatus, message: "", causes: [], retryAfterMs: null }, "create on events");

test("a notice is an Event as kubectl describe node looks for it", async () => {
  const { requests, events } = bed();
  events.post({ ...REFUSED, message: "x".repeat(5_000) });
  await settle();
  const now = "2026-01-01T00:00:00Z";
  expect(requests).toEqual([
    {
      operation: "post an Event on node worker-1",
      path: "/api/v1/namespaces/default/events",
      create: {
        apiVersion: "v1",
        kind: "Event",
        metadata: { name: expect.stringMatching(/^worker-1\.[0-9a-f]{16}$/), namespace: "default" },
        involvedObject: { apiVersion: "v1", kind: "Node", name: "worker-1", uid: "worker-1" },
        type: "Warning",
        reason: "NetworkConfigRefused",
        message: "x".repeat(1_024),
        source: { component: "tweed", host: "worker-1" },
        firstTimestamp: now,
        lastTimestamp: now,
        count: 1,
      },
    },
  ]);
});

test("the same notice has the same name, and another one another", async () => {
  const { requests, events } = bed();
  for (const [reason, message] of [
    ["R", "a"],
    ["R", "a"],
    ["R", "b"],
    ["S", "a"],
  ] as const)
    events.post({ reason, message });
  await settle();
  const names = requests.map(({ create = {} }) => (create.metadata as { name?: string }).name);
  expect(names[1]).toBe(names[0]);
  expect(new Set(names).size).toBe(3);
});

test("an outage is waited for, however many requests fail", async () => {
  const { posted, log, events } = bed(Array.from({ length: 20 }, () => unavailable("post", "reset")));
  events.post(REFUSED);
  await settle();
  expect(posted).toEqual([REFUSED.message]);
  expect(log.lines).toEqual([]);
});

test("five refusals by an overloaded server are enough, four are not", async () => {
  const overloaded = (times: number) => bed(Array.from({ length: times }, () => answer(503)));
  const four = overloaded(4);
  four.events.post(REFUSED);
  await settle();
  expect(four.posted).toEqual([REFUSED.message]);
  const many = overloaded(9);
  many.events.post(REFUSED);
  await settle();
  expect(many.requests).toHaveLength(5);
  expect(many.log.lines).toMatchObject([
    { level: "warn", message: "Event not posted", fields: { op: "post-event", reason: answer(503).message } },
  ]);
});

test.each([
  ["that exists already is posted", answer(409), 0],
  ["that may not be posted is a line", answer(403), 1],
  ["that fails for another reason is a line", new Error("no node"), 1],
])("an Event %s", async (_what, failure, lines) => {
  const { requests, log, events } = bed([failure]);
  events.post(REFUSED);
  await settle();
  expect(requests).toHaveLength(1);
  expect(log.warnings()).toHaveLength(lines);
});

test("closing gives up the Event of an outage and the deferred one, without a line", async () => {
  const { requests, clock, log, events } = bed(
    Array.from({ length: 1_000 }, () => unavailable("post", "reset")),
  );
  events.post(REFUSED);
  events.close();
  await settle();
  expect(requests.length).toBeLessThan(3);
  const deferred = bed();
  for (let count = 0; count < 12; count++) deferred.events.post({ ...REFUSED, message: String(count) });
  await settle();
  deferred.events.close();
  deferred.clock.advance(300_000);
  await settle();
  expect(deferred.posted).toHaveLength(10);
  expect([...log.lines, ...deferred.log.lines]).toEqual([]);
  expect(clock.sleepers).toBe(0);
});
