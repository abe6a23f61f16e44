/** The pure parts of the measurement of promises; the rest is run by `npm run bench:promises`. */
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { promiseDocument, promiseSummary } from "../../../bench/promises/document.ts";
import { type Bench, type PromiseGroup, roundsOf } from "../../../bench/promises/group.ts";
import { Ledger } from "../../../bench/promises/ledger.ts";
import { isHeld, type MeasuredPromise, rowOf, rowsOf, summaryOf } from "../../../bench/promises/promise.ts";
import { type PromiseRecord, parsePromiseRecord } from "../../../bench/promises/record.ts";
import { runGroups } from "../../../bench/promises/run.ts";
import { describeOutcome, promiseTable } from "../../../bench/promises/table.ts";
import { withPromises } from "../../../bench/readme-section.ts";
import { result } from "../../support/bench-samples.ts";

function promise(detail: string, samplesMs: number[], boundMs = 1000): MeasuredPromise {
  return { group: "repair", topic: "repair", detail, boundMs, samplesMs };
}

function record(over: Partial<PromiseRecord> = {}): PromiseRecord {
  const { tweed, hosts, startedAt } = result([]);
  const [host] = hosts;
  if (host === undefined) throw new Error("the sample has a host");
  return {
    format: "tweed-promises-1",
    startedAt,
    tookS: 600,
    tweed,
    host,
    rounds: 5,
    otherCores: [0.1, 0.3],
    promises: [
      { group: "repair", topic: "repair", detail: "a route", boundMs: 1000, samplesMs: [40, 60, 50] },
      { group: "repair", topic: "repair", detail: "a device", boundMs: 1000, samplesMs: [1200, 100, 90] },
      { group: "restart", topic: "silence", detail: "", boundMs: 0, samplesMs: [0, 0] },
    ],
    failures: [],
    ...over,
  };
}

describe("a promise", () => {
  it("is held when the worst round is within the bound, which may be reached", () => {
    expect(isHeld(promise("", [1, 1000]))).toBe(true);
    expect(isHeld(promise("", [1, 1, 1, 1000.1]))).toBe(false);
    expect(isHeld(promise("", [0, 0], 0))).toBe(true);
    expect(isHeld(promise("", [0, 10], 0))).toBe(false);
  });

  it("that was never measured is not held, and has no row", () => {
    expect(isHeld(promise("", []))).toBe(false);
    expect(() => rowOf("start", promise("", []))).toThrow("start: no samples");
  });

  it("becomes a row whatever the order of its rounds", () => {
    expect(rowsOf([promise("a route", [30, 10, 20]), promise("", [1, 4])])).toEqual([
      { title: "repair: a route", rounds: 3, medianMs: 20, worstMs: 30, boundMs: 1000, isHeld: true },
      { title: "repair", rounds: 2, medianMs: 2.5, worstMs: 4, boundMs: 1000, isHeld: true },
    ]);
  });
});

describe("a summary", () => {
  it("has a row for each topic over the rounds of all its cases", () => {
    expect(summaryOf([promise("a", [1, 2]), promise("b", [3, 2000])])).toEqual([
      { title: "repair", rounds: 4, medianMs: 2.5, worstMs: 2000, boundMs: 1000, isHeld: false },
    ]);
  });

  it("keeps apart what has another bound, and says which case that is", () => {
    const rows = summaryOf([promise("a", [300], 200), promise("b", [300]), promise("c", [400])]);
    expect(rows.map(({ title, boundMs, isHeld }) => [title, boundMs, isHeld])).toEqual([
      ["repair: a", 200, false],
      ["repair: b, c", 1000, true],
    ]);
  });
});

describe("samples", () => {
  it("are collected by promise, in the order in which promises were met", () => {
    const ledger = new Ledger();
    const [route, device] = [promise("a route", []), promise("a device", [])];
    for (const [each, ms] of [[route, 1] as const, [device, 2] as const, [route, 3] as const]) {
      ledger.note("repair", each, ms);
    }
    expect(ledger.promises).toEqual([promise("a route", [1, 3]), promise("a device", [2])]);
  });

  it("are taken at least once, however few rounds are asked for", () => {
    expect(roundsOf({ rounds: 1 }, 0.3)).toBe(1);
    expect(roundsOf({ rounds: 5 }, 0.6)).toBe(3);
    expect(roundsOf({ rounds: 5 }, 4)).toBe(20);
  });
});

describe("a run", () => {
  const surroundings = (signal = new AbortController().signal): Omit<Bench, "note"> => ({
    program: { tweed: [], extraFlags: [] },
    rounds: 2,
    signal,
  });
  const measuring: PromiseGroup = {
    name: "works",
    async measure({ rounds, note }) {
      for (let round = 0; round < rounds; round++) note({ topic: "t", detail: "", boundMs: 5 }, round);
    },
  };
  const failing: PromiseGroup = {
    name: "fails",
    async measure({ note }) {
      note({ topic: "before", detail: "", boundMs: 5 }, 1);
      throw new Error("no etcd");
    },
  };

  it("goes on after a group that fails, and keeps what that had noted", async () => {
    const said: string[] = [];
    const look = async () => 0.5;
    const run = await runGroups([failing, measuring], surroundings(), look, (line) => said.push(line));
    expect(run.failures).toEqual([{ group: "fails", reason: "no etcd" }]);
    expect(run.promises.map(({ topic, samplesMs }) => [topic, samplesMs])).toEqual([
      ["before", [1]],
      ["t", [0, 1]],
    ]);
    expect(run.otherCores).toEqual([0.5, 0.5]);
    expect(said.join("\n")).toContain("fails: could not be measured to its end: no etcd");
  });

  it("ends when it is told to stop, and takes that for no failure", async () => {
    const stop = new AbortController();
    const stopping: PromiseGroup = {
      name: "stops",
      async measure() {
        stop.abort(new Error("stopped by SIGINT"));
        throw new Error("torn down");
      },
    };
    const ended = runGroups(
      [stopping, measuring],
      surroundings(stop.signal),
      async () => 0,
      () => {},
    );
    await expect(ended).rejects.toThrow("stopped by SIGINT");
  });
});

describe("the table", () => {
  it("has a column for each question, and marks what was not held", () => {
    expect(
      promiseTable(rowsOf([promise("a route", [49.81]), promise("a device", [1200])])).split("\n"),
    ).toEqual([
      "| promise          | rounds |   median |    worst |    bound | held |",
      "| ---------------- | -----: | -------: | -------: | -------: | ---: |",
      "| repair: a route  |      1 |  49.8 ms |  49.8 ms | 1,000 ms |  yes |",
      "| repair: a device |      1 | 1,200 ms | 1,200 ms | 1,000 ms |   NO |",
    ]);
  });

  it("ends with how many held and which did not", () => {
    expect(describeOutcome(rowsOf([promise("a", [1])]))).toBe("1 promises held, 0 not held");
    expect(describeOutcome(rowsOf([promise("a", [1]), promise("b", [1001])]))).toBe(
      "1 promises held, 1 not held: repair: b",
    );
  });
});

describe("a record", () => {
  it("is read as it was written", () => {
    expect(parsePromiseRecord(JSON.stringify(record()), "x.json")).toEqual(record());
  });

  it.each([
    ["no JSON", "{", /read x\.json: it is not JSON/],
    ["something else", '{"format":"tweed-bench-1"}', /not what bench:promises writes/],
    [
      "a promise without samples",
      JSON.stringify({ ...record(), promises: [promise("", [])] }),
      /not what bench:promises writes/,
    ],
  ])("is refused when it is %s", (_what, text, message) => {
    expect(() => parsePromiseRecord(text, "x.json")).toThrow(message);
  });

  it("as a document has the topics, every promise, the machine and the outcome", () => {
    const text = promiseDocument(record());
    expect(text).toContain("at commit 0123456789 on 2 cores of Sample CPU, Linux 6.1");
    expect(text).toContain("Other programs kept 0.20 (0.10–0.30) cores busy meanwhile.");
    expect(text).toMatch(/\| repair +\| +6 \| +75\.0 ms \| 1,200 ms \| 1,000 ms \| +NO \|/);
    expect(text).toMatch(/\| repair: a route +\| +3 \|/);
    expect(text).toMatch(/2 promises held, 1 not held: repair: a device\.\n$/);
    expect(text).not.toContain("Not measured");
  });

  it("in short has only what an operator asks for, and the count of all", () => {
    const parts = [{ group: "scale", topic: "a part", detail: "", boundMs: 1, samplesMs: [2] }];
    const text = promiseSummary(record({ promises: [...record().promises, ...parts] }));
    expect(text).toContain("| repair ");
    expect(text).not.toContain("a part");
    expect(text).toContain("Of all that is measured, 2 promises held, 2 not held.");
  });

  it("names what could not be measured", () => {
    const failures = [{ group: "switch", reason: "no\nmesh" }];
    expect(promiseDocument(record({ failures }))).toContain("- `switch`: no mesh");
    expect(promiseSummary(record({ failures }))).toContain("Not measured to the end: switch.");
  });
});

describe("the README", () => {
  it("has the recorded promises, as npm run bench:readme puts them", async () => {
    const at = (path: string) => readFile(new URL(`../../../${path}`, import.meta.url), "utf8");
    const recorded = parsePromiseRecord(await at("bench/results/recorded/promises.json"), "recorded");
    const readme = await at("README.md");
    expect(withPromises(readme, recorded)).toBe(readme);
    expect(await at("bench/results/recorded/promises.md")).toBe(promiseDocument(recorded));
  });

  it("needs the marks", () => {
    expect(() => withPromises("# No marks", record())).toThrow(/lacks/);
  });
});
