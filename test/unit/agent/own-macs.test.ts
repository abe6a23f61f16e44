import { expect, it } from "vitest";
import { OwnMacs } from "../../../src/agent/identity/own-macs.ts";
import type { Contested } from "../../../src/lease/uniqueness.ts";
import { parseMac } from "../../../src/net/index.ts";
import type { Clock } from "../../../src/runtime/clock.ts";
import { systemRandom } from "../../../src/runtime/random.ts";
import { RecordingLog } from "../../support/recording-log.ts";

const MACS = { v4: parseMac("02:00:00:00:04:01"), v6: parseMac("02:00:00:00:06:01") };
const contested = (family: "v4" | "v6"): Contested => ({
  code: "duplicate-mac",
  family,
  value: MACS[family],
  by: "10.244.9.0-24",
  isTheirs: true,
});

let nowMs = 0;
const clock: Clock = {
  nowMs: () => nowMs,
  wallMs: () => nowMs,
  turn: async () => {},
  sleep: () => Promise.reject(new Error("no wait")),
};
const ownMacs = () => {
  nowMs = 0;
  return new OwnMacs(MACS, { clock, random: systemRandom, log: new RecordingLog() });
};

it("takes another MAC in the family that is contested, and leaves the other", () => {
  const macs = ownMacs();
  expect(macs.review([contested("v4")])).toBe("changed");
  expect(macs.present.v6).toBe(MACS.v6);
  expect(macs.present.v4).not.toBe(MACS.v4);
});

it("keeps what is only its own, and an address that another lease names", () => {
  const macs = ownMacs();
  expect(macs.review([])).toBeNull();
  expect(macs.review([{ ...contested("v4"), code: "duplicate-public-ip" }])).toBeNull();
  expect(macs.present).toEqual(MACS);
});

it("changes more and more seldom for who copies every new one", () => {
  const macs = ownMacs();
  const waits: number[] = [];
  for (let changes = 0; changes < 12; changes++) {
    expect(macs.review([contested("v4")])).toBe("changed");
    const again = macs.review([contested("v4")]);
    if (typeof again !== "number") throw new Error("it changes at once");
    waits.push(again - nowMs);
    nowMs = again;
  }
  expect(waits[0]).toBeGreaterThanOrEqual(45_000);
  expect(waits.at(-1)).toBeGreaterThanOrEqual(2_700_000);
  expect(Math.max(...waits)).toBeLessThanOrEqual(3_600_000);
});
