import { beforeEach, expect, test } from "vitest";
import { NodeNotes } from "../../../src/agent/reports/node-notes.ts";
import { RecordingLog } from "../../support/recording-log.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

let clock: VirtualClock;
let log: RecordingLog;
let notes: NodeNotes;
beforeEach(() => {
  clock = new VirtualClock();
  log = new RecordingLog();
  notes = new NodeNotes({ clock, log });
});

const said = () => log.lines.map(({ level, fields }) => `${level} ${fields.reason}`);

test("a note stays as long as its cause, with when it began, and the log has both ends", async () => {
  notes.set("sysctl", ["ip_forward is 0"]);
  const [note] = notes.list();
  await clock.sleep(5000);
  notes.set("sysctl", ["rp_filter is strict", "ip_forward is 0"]);
  expect(notes.list()).toContain(note);
  expect(notes.list()).toHaveLength(2);
  notes.set("sysctl", []);
  expect(notes.list()).toEqual([]);
  expect(said()).toEqual([
    "warn ip_forward is 0",
    "warn rp_filter is strict",
    "info rp_filter is strict",
    "info ip_forward is 0",
  ]);
});

test("topics do not touch each other", () => {
  notes.set("cni", ["a"]);
  notes.set("forwarding", ["b"]);
  notes.set("cni", []);
  expect(notes.list().map(({ reason }) => reason)).toEqual(["b"]);
});

test("a note that comes and goes is said once a minute", async () => {
  for (let second = 0; second < 59; second++) {
    notes.set("forwarding", second % 2 === 0 ? ["a chain drops"] : []);
    await clock.sleep(1000);
  }
  expect(said()).toEqual(["warn a chain drops", "info a chain drops"]);
  await clock.sleep(60_000);
  notes.set("forwarding", []);
  expect(said()).toHaveLength(3);
});

test("notes of one topic are bounded", () => {
  notes.set(
    "cni",
    Array.from({ length: 1000 }, (_, index) => `file ${index}`),
  );
  expect(notes.list()).toHaveLength(20);
  expect(log.lines).toHaveLength(20);
});
