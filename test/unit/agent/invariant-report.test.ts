import { beforeEach, expect, it } from "vitest";
import { InvariantReport } from "../../../src/agent/invariants/invariant-report.ts";
import { NodeNotes } from "../../../src/agent/reports/node-notes.ts";
import { NodeReport } from "../../../src/agent/reports/node-report.ts";
import { RecordingLog } from "../../support/recording-log.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

let log: RecordingLog;
let clock: VirtualClock;
let report: NodeReport;
let notes: NodeNotes;
let invariants: InvariantReport;
beforeEach(() => {
  [log, clock, report] = [new RecordingLog(), new VirtualClock(), new NodeReport()];
  notes = new NodeNotes({ clock, log });
  invariants = new InvariantReport({ clock, log, notes, report });
});

const check = (...found: readonly string[]) =>
  invariants.checked(["unnamed-object"], () =>
    found.length === 0 ? [] : [{ code: "unnamed-object", found }],
  );

it("counts each violation, logs it once a minute, and notes it while it lasts", async () => {
  for (let second = 0; second < 120; second++) {
    check("route a", "route b", "route c", "route d");
    await clock.sleep(1000);
  }
  const { reason, total } = report.invariants["unnamed-object"];
  expect(total).toBe(120);
  expect(reason).toMatch(/route a, route b, route c, and 1 more$/);
  expect(notes.list().map(({ topic }) => topic)).toEqual(["invariant"]);
  expect(log.lines.map(({ level, fields }) => [level, fields.code])).toEqual([
    ["error", "unnamed-object"],
    ["error", "unnamed-object"],
  ]);
  check();
  expect(notes.list()).toEqual([]);
  expect(report.invariants["unnamed-object"]).toEqual({ reason: null, total: 120 });
});

it("a check that fails is a violation, and ends nothing", () => {
  invariants.checked(["shared-prefix", "unleased-object"], () => {
    throw new RangeError("a fault of ours");
  });
  expect(report.invariants["shared-prefix"].reason).toContain("a fault of ours");
});
