import { expect, it } from "vitest";
import { OpenFaultLog } from "../../../backends/udp/open-fault-log.ts";
import { TweedError } from "../../../src/runtime/error.ts";
import { STILL_CLOCK } from "../../fuzz/still-clock.ts";
import { RecordingLog } from "../../support/recording-log.ts";

function recorded() {
  const log = new RecordingLog();
  const time = { nowMs: 0 };
  const clock = { ...STILL_CLOCK, nowMs: () => time.nowMs };
  const faults = new OpenFaultLog({ clock, log });
  const levels = () => log.lines.map(({ level }) => level);
  return { time, faults, levels };
}

const fault = (retryable: boolean, reason = "no device flannel0") =>
  new TweedError({ code: "udp-open", operation: "open", reason, retryable });

it("logs at once what does not end by itself, once", () => {
  const { faults, levels } = recorded();
  for (let attempt = 0; attempt < 9; attempt++) faults.failed(fault(false));
  expect(levels()).toEqual(["error"]);
});

it("logs what may end by itself when it has lasted, and again after ten minutes", () => {
  const { time, faults, levels } = recorded();
  faults.failed(fault(true));
  expect(levels()).toEqual([]);
  for (; time.nowMs < 600_000; time.nowMs += 1000) faults.failed(fault(true));
  expect(levels()).toEqual(["warn"]);
  for (; time.nowMs < 610_000; time.nowMs += 1000) faults.failed(fault(true));
  expect(levels()).toEqual(["warn", "warn"]);
});

it("does not log what ended in time", () => {
  const { time, faults, levels } = recorded();
  for (; time.nowMs < 60_000; time.nowMs += 1500) {
    faults.failed(fault(true));
    faults.opened();
  }
  expect(levels()).toEqual([]);
});
