import { expect, it } from "vitest";
import { macsOf } from "../../../backends/identity.ts";
import { VTEP_MAC } from "../../../backends/vxlan/identity.ts";
import { OwnIdentities } from "../../../src/agent/identity/own-identities.ts";
import type { Contested } from "../../../src/lease/uniqueness.ts";
import { parseMac } from "../../../src/net/index.ts";
import type { Clock } from "../../../src/runtime/clock.ts";
import { systemRandom } from "../../../src/runtime/random.ts";
import { RecordingLog } from "../../support/recording-log.ts";
import { vtepIdentity } from "../../support/sample-node.ts";

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
  startTimer: () => ({ cancel: () => {} }),
  turn: async () => {},
  sleep: () => Promise.reject(new Error("no wait")),
};
const ownIdentities = () => {
  nowMs = 0;
  return new OwnIdentities(vtepIdentity(MACS), { clock, random: systemRandom, log: new RecordingLog() });
};

it("takes another MAC in the family that is contested, and leaves the other", () => {
  const macs = ownIdentities();
  expect(macs.review([contested("v4")])).toBe("changed");
  expect(macsOf(macs.current, VTEP_MAC).v6).toBe(MACS.v6);
  expect(macsOf(macs.current, VTEP_MAC).v4).not.toBe(MACS.v4);
});

it("keeps what is only its own, and an address that another lease names", () => {
  const macs = ownIdentities();
  expect(macs.review([])).toBeNull();
  expect(macs.review([{ ...contested("v4"), code: "duplicate-public-ip" }])).toBeNull();
  expect(macsOf(macs.current, VTEP_MAC)).toEqual(MACS);
});

it("changes more and more seldom for who copies every new one", () => {
  const macs = ownIdentities();
  const waits: number[] = [];
  for (let changes = 0; changes < 12; changes++) {
    const copied = () => ({ ...contested("v4"), value: macsOf(macs.current, VTEP_MAC).v4 });
    expect(macs.review([copied()])).toBe("changed");
    const again = macs.review([copied()]);
    if (typeof again !== "number") throw new Error("it changes at once");
    waits.push(again - nowMs);
    nowMs = again;
  }
  expect(waits[0]).toBeGreaterThanOrEqual(45_000);
  expect(waits.at(-1)).toBeGreaterThanOrEqual(2_700_000);
  expect(Math.max(...waits)).toBeLessThanOrEqual(3_600_000);
});
