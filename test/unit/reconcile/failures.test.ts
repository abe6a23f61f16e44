import { beforeEach, expect, test } from "vitest";
import type { Operation } from "../../../src/kernel/operation.ts";
import { Failures } from "../../../src/kernel/reconcile/failures.ts";
import { TweedError } from "../../../src/runtime/error.ts";
import { RecordingLog } from "../../support/recording-log.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const random = { bytes: (count: number) => new Uint8Array(count), below: () => 0 };
const operation: Operation = { op: "delete-link", name: "flannel.1" };
const other: Operation = { op: "delete-link", name: "flannel.2" };
const refusal = (code: string) =>
  new TweedError({ code, operation: "delete link", reason: "injected", retryable: true });

let clock: VirtualClock;
let log: RecordingLog;
let failures: Failures;

beforeEach(() => {
  clock = new VirtualClock();
  log = new RecordingLog();
  failures = new Failures({ clock, random, log });
});

test("waits double from 100 ms to 10 s, for the one that failed alone", async () => {
  const waits: number[] = [];
  for (let attempt = 0; attempt < 9; attempt++) {
    failures.record(operation, refusal("EBUSY"));
    expect(failures.isDue(operation)).toBe(false);
    expect(failures.isDue(other)).toBe(true);
    const waitMs = failures.nextDueMs() - clock.nowMs();
    waits.push(waitMs);
    await clock.sleep(waitMs);
    expect(failures.isDue(operation)).toBe(true);
  }
  expect(waits).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
});

test("one line when it fails first, one when it fails in another way", () => {
  for (const code of ["EBUSY", "EBUSY", "ENODEV", "ENODEV"]) failures.record(operation, refusal(code));
  expect(log.warnings().map(({ fields }) => [fields.op, fields.code])).toEqual([
    ["delete link flannel.1", "EBUSY"],
    ["delete link flannel.1", "ENODEV"],
  ]);
});

test("thousands that fail alike make a few lines", () => {
  failures.beginPass();
  for (let number = 0; number < 5000; number++) {
    failures.record({ op: "delete-link", name: `flannel.${number}` }, refusal("EBUSY"));
  }
  failures.endPass();
  expect(log.warnings()).toHaveLength(11);
  expect(log.warnings().at(-1)?.fields.count).toBe(4990);
});

test("success clears, and what nobody wants any more is forgotten", () => {
  failures.record(operation, refusal("EBUSY"));
  failures.record(other, refusal("EBUSY"));
  failures.succeeded(operation);
  expect(failures.list().map(({ what }) => what)).toEqual(["delete link flannel.2"]);
  failures.beginPass();
  failures.endPass();
  expect(failures.list()).toEqual([]);
  expect(failures.nextDueMs()).toBe(Number.POSITIVE_INFINITY);
});

test("what waits for something else to stand does not wake anybody", () => {
  failures.record(operation, refusal("EBUSY"));
  failures.beginPass();
  failures.block(operation);
  failures.endPass();
  expect(failures.list()).toHaveLength(1);
  expect(failures.nextDueMs()).toBe(Number.POSITIVE_INFINITY);
});

test("all are tried at once when the ground has changed", () => {
  for (let attempt = 0; attempt < 6; attempt++) failures.record(operation, refusal("EBUSY"));
  failures.retryNow();
  expect(failures.isDue(operation)).toBe(true);
  failures.record(operation, refusal("EBUSY"));
  expect(failures.nextDueMs() - clock.nowMs()).toBe(100);
});
