import { afterEach, beforeEach, expect, it } from "vitest";
import { Effectors } from "../../../src/agent/effectors.ts";
import { Readiness } from "../../../src/agent/reports/readiness.ts";
import { systemRandom } from "../../../src/runtime/random.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeDataplane } from "../../support/fake-node.ts";
import { FakeRouteTable } from "../../support/fake-route-table.ts";
import { RecordingLog } from "../../support/recording-log.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const ROUTES = { "10.244.2.0/24": "instance-2" };
const CLOUD = { type: "cloud", channel: "cloud", effect: ROUTES };
const UDP = { type: "udp", channel: "udp", effect: "forwarding" };

let clock: VirtualClock;
let log: RecordingLog;
let table: FakeRouteTable;
let dataplane: FakeDataplane;
let effectors: Effectors;
let readiness: Readiness<string>;
/** Every reason there was. */
let history: string[];
let stop: AbortController;
let ended: Promise<unknown>;

beforeEach(() => {
  clock = new VirtualClock();
  log = new RecordingLog();
  table = new FakeRouteTable(clock);
  dataplane = new FakeDataplane();
  effectors = new Effectors([dataplane, table], { clock, random: systemRandom, log });
  readiness = new Readiness<string>(effectors.notReadyYet, (reasons) => history.push(...reasons));
  history = [];
  effectors.onChange(() => effectors.report(readiness));
  stop = new AbortController();
  ended = effectors.run(stop.signal).catch((error: unknown) => error);
});
afterEach(async () => {
  stop.abort(new Error("stopped"));
  expect(await ended).toMatchObject({ message: "stopped" });
});

function desire(...effects: Parameters<Effectors["setDesired"]>[0]): void {
  effectors.setDesired(effects);
  effectors.report(readiness);
}

it("has a condition for each, under a name of its own, which holds when nothing is desired", () => {
  expect(readiness.reasons()).toEqual([dataplane.pending, table.pending]);
  desire();
  expect(readiness.conditions()).toEqual({ dataplane: null, routeTable: null });
});

it("waits for one that is slow, while the other is settled", async () => {
  desire(CLOUD, UDP);
  expect(readiness.conditions()).toEqual({ dataplane: null, routeTable: table.pending });
  expect(effectors.missing("udp", "udp")).toBeNull();
  expect(effectors.missing("cloud", "cloud")).toBe(table.pending);
  await eventually(() => effectors.missing("cloud", "cloud")).toBeNull();
  expect(readiness.isReady()).toBe(true);
  expect(effectors.status()).toEqual({ udp: null, cloud: { routes: ROUTES } });
});

it("tells why one fails under its own condition, until it works", async () => {
  table.refusal = "RequestLimitExceeded";
  desire(CLOUD, UDP);
  await eventually(() => readiness.reasons()).toEqual(["RequestLimitExceeded"]);
  expect(effectors.missing("cloud", "cloud")).toBe("RequestLimitExceeded");
  expect(effectors.missing("udp", "udp")).toBeNull();
  table.refusal = null;
  await eventually(() => readiness.reasons()).toEqual([]);
});

it("starts one again that ended, and leaves the others alone", async () => {
  table.crash = "a fault of ours";
  desire(CLOUD, UDP);
  await eventually(() => history).toContain("the effector failed: a fault of ours");
  expect(readiness.conditions().dataplane).toBeNull();
  expect(log.lines).toContainEqual(
    expect.objectContaining({ level: "error", fields: expect.objectContaining({ op: "run-effector" }) }),
  );
  await eventually(() => readiness.isReady()).toBe(true);
  expect(table.routes).toEqual(ROUTES);
});

it("names one that ended without an error, and starts it again", async () => {
  const ending = new FakeDataplane();
  ending.run = () => Promise.resolve() as Promise<never>;
  const supervised = new Effectors([ending], { clock, random: systemRandom, log });
  const run = supervised.run(stop.signal).catch(() => {});
  supervised.setDesired([UDP]);
  await eventually(() => supervised.missing("udp", "udp")).toBe("the effector failed: it ended by itself");
  stop.abort(new Error("stopped"));
  await run;
});

it("takes for missing what it was not given, and what nothing makes", () => {
  desire(UDP, { type: "unknown", channel: "unknown", effect: 1 });
  expect(effectors.missing("cloud", "cloud")).toBe("cloud is not planned yet");
  expect(effectors.missing("unknown", "unknown")).toMatch(/no effector for backend unknown/);
});

it("takes the first of two effects for one channel", () => {
  desire(UDP, { ...UDP, effect: "another" });
  expect(dataplane.desired).toBe("forwarding");
});

it("ends without one that ignores the signal, and says so", async () => {
  const deaf = new FakeDataplane();
  deaf.run = () => new Promise<never>(() => {});
  const held = new Effectors([deaf, table], { clock, random: systemRandom, log });
  const own = new AbortController();
  const run = held.run(own.signal).catch((error: unknown) => error);
  own.abort(new Error("stopped"));
  expect(await run).toMatchObject({ message: "stopped" });
  expect(log.lines).toContainEqual(
    expect.objectContaining({ level: "error", fields: expect.objectContaining({ op: "stop-effector" }) }),
  );
});
