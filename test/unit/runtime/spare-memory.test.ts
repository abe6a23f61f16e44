import { describe, expect, it } from "vitest";
import { silentLog } from "../../../src/runtime/log.ts";
import { returnSpareMemory } from "../../../src/runtime/spare-memory.ts";
import { RecordingLog } from "../../support/recording-log.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const MIB = 1024 * 1024;

/** What was resident at each look; at every one where memory was given back this share of it stayed. */
async function givenBackAt(residentMib: readonly number[], stays = 0.9): Promise<number[]> {
  const stop = new AbortController();
  const clock = new VirtualClock();
  const given: number[] = [];
  let looks = 0;
  let isReturned = false;
  const memory = {
    residentBytes() {
      if (!isReturned) looks += 1;
      if (looks > residentMib.length) stop.abort(new Error("seen enough"));
      const bytes = (residentMib[looks - 1] ?? 0) * (isReturned ? stays : 1) * MIB;
      isReturned = false;
      return bytes;
    },
    giveBack() {
      given.push(looks);
      isReturned = true;
    },
  };
  await expect(returnSpareMemory(memory, { clock, log: silentLog }, stop.signal)).rejects.toThrow(
    "seen enough",
  );
  return given;
}

describe("spare memory", () => {
  it("is given back after the start, and not again while nothing grows", async () => {
    expect(await givenBackAt([100, 90, 91, 93, 90])).toEqual([1]);
  });

  it("is given back again after a burst", async () => {
    expect(await givenBackAt([100, 90, 94, 86, 88])).toEqual([1, 3]);
  });

  it("is looked for again in what was not returned, until that turns out to be in use", async () => {
    // The size from which growth counts rises by 1 MiB with each look, up to 4 MiB below.
    expect(await givenBackAt([100, ...new Array(12).fill(110)], 1)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it("is measured from the least that the process has been seen with", async () => {
    expect(await givenBackAt([100, 90, 70, 74])).toEqual([1, 4]);
  });

  it("that cannot be looked for or given back ends nothing, and is looked for again", async () => {
    const stop = new AbortController();
    const [clock, log] = [new VirtualClock(), new RecordingLog()];
    const events: string[] = [];
    const failures = ["EMFILE: too many open files", "EMFILE: too many open files", null, "no collector"];
    const memory = {
      residentBytes() {
        const failure = failures[events.length];
        events.push("look");
        if (events.length > 8) stop.abort(new Error("seen enough"));
        if (failure?.startsWith("EMFILE")) throw new Error(failure);
        return events.length * 100 * MIB;
      },
      giveBack() {
        const failure = failures[events.length];
        events.push("give back");
        if (failure != null) throw new Error(failure);
      },
    };
    await expect(returnSpareMemory(memory, { clock, log }, stop.signal)).rejects.toThrow("seen enough");
    expect(events.slice(0, 7)).toEqual(["look", "look", "look", "give back", "look", "give back", "look"]);
    const reasons = log.warnings().map(({ fields }) => fields.reason);
    expect(reasons).toEqual(["EMFILE: too many open files", "no collector"]);
  });
});
