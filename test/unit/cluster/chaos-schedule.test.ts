import { describe, expect, it } from "vitest";
import {
  BACKENDS,
  chaosSchedule,
  describeAction,
  type ScheduledAction,
} from "../../cluster/conformance/chaos-schedule.ts";

const NODES = 3;
/** Enough for each kind of action to have come. */
const COUNT = 200;

function schedule(seed: number): ScheduledAction[] {
  const actions: ScheduledAction[] = [];
  for (const action of chaosSchedule(seed, NODES, "vxlan")) {
    actions.push(action);
    if (actions.length === COUNT) break;
  }
  return actions;
}

function switches(actions: readonly ScheduledAction[]) {
  return actions.flatMap(({ atMs, action }) =>
    action.kind === "switch" ? [{ atMs, backend: action.backend }] : [],
  );
}

describe("the schedule of chaos", () => {
  it("is the same for the same seed only", () => {
    expect(schedule(1)).toEqual(schedule(1));
    expect(schedule(1)).not.toEqual(schedule(2));
  });

  it("goes forward in time", () => {
    const times = schedule(1).map(({ atMs }) => atMs);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  it("changes the backend every 15 s, to another one each time and in the end to each", () => {
    const changes = switches(schedule(1));
    expect(changes.map(({ atMs }) => atMs)).toEqual(changes.map((_, index) => (index + 1) * 15_000));
    const names = changes.map(({ backend }) => JSON.stringify(backend));
    expect(names[0]).not.toBe(JSON.stringify({ Type: "vxlan" }));
    expect(names.slice(1).filter((name, index) => name === names[index])).toEqual([]);
    expect(new Set(names).size).toBe(BACKENDS.length);
  });

  it("leaves the suite its set-up, and then does all that there is, on nodes that there are", () => {
    const others = schedule(1).filter(({ action }) => action.kind !== "switch");
    expect(others[0]?.atMs).toBeGreaterThanOrEqual(30_000);
    expect(new Set(others.map(({ action }) => action.kind))).toEqual(
      new Set(["restart-daemons", "restart-kubelet", "kill-daemon", "api-server-away"]),
    );
    const nodes = others.flatMap(({ action }) => ("node" in action ? [action.node] : []));
    expect(new Set(nodes)).toEqual(new Set([0, 1, 2]));
  });
});

it("says what an action does", () => {
  const backend = { Type: "vxlan", DirectRouting: true };
  expect(describeAction({ kind: "switch", backend })).toBe("backend to vxlan DirectRouting=true");
  expect(describeAction({ kind: "kill-daemon", node: 0 })).toBe("daemon of node1 killed");
  expect(describeAction({ kind: "api-server-away", durationMs: 10_000 })).toBe("API server away for 10 s");
});
