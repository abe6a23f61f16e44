import { describe, expect, it } from "vitest";
import { readSuiteReport } from "../../cluster/conformance/suite-report.ts";

const START = "2026-11-27T21:00:00.5Z";
const END = "2026-11-27T21:01:00Z";

function spec(state: string, more: object = {}) {
  return {
    ContainerHierarchyTexts: ["[sig-network] Services"],
    LeafNodeType: "It",
    LeafNodeText: "should serve [Conformance]",
    State: state,
    NumAttempts: state === "skipped" ? 0 : 1,
    StartTime: START,
    EndTime: END,
    ...more,
  };
}

function failure(message: string, time: string) {
  return { Message: message, TimelineLocation: { Time: time } };
}

function read(...specs: readonly object[]) {
  return readSuiteReport(JSON.stringify([{ PreRunStats: { SpecsThatWillRun: 2 }, SpecReports: specs }]));
}

describe("the report of the suite", () => {
  it("has the specs that ran", () => {
    const setUp = spec("passed", { LeafNodeType: "SynchronizedBeforeSuite", LeafNodeText: "" });
    expect(read(setUp, spec("passed"), spec("skipped"), spec("pending"))).toEqual({
      planned: 2,
      specs: [
        { name: "[sig-network] Services should serve [Conformance]", passed: true, failedAttempts: [] },
      ],
      reasons: [],
    });
  });

  it("has each attempt at a spec with the time at which it failed", () => {
    const times = ["2026-11-27T21:00:20Z", "2026-11-27T21:00:50Z"] as const;
    const earlier = failure("Failure recorded during attempt 1:\nno answer", times[0]);
    const cleanUp = failure("namespace is still there", times[0]);
    const { specs } = read(
      spec("failed", {
        Failure: failure("no answer again", times[1]),
        AdditionalFailures: [
          { State: "failed", Failure: earlier },
          { State: "failed", Failure: cleanUp },
        ],
      }),
    );
    const [start, first, second] = [START, ...times].map((time) => Date.parse(time));
    expect(specs[0]?.passed).toBe(false);
    expect(specs[0]?.failedAttempts).toEqual([
      { reason: "no answer", fromMs: start, toMs: first },
      { reason: "no answer again", fromMs: first, toMs: second },
    ]);
  });

  it("has the failed attempts of a spec that passed in the end", () => {
    const earlier = failure("Failure recorded during attempt 1:\nno answer", END);
    const { specs } = read(spec("passed", { AdditionalFailures: [{ State: "failed", Failure: earlier }] }));
    expect(specs[0]).toMatchObject({ passed: true, failedAttempts: [{ reason: "no answer" }] });
  });

  it("has set-up that failed, and a spec that skipped itself", () => {
    const setUp = { ContainerHierarchyTexts: null, LeafNodeType: "BeforeSuite", LeafNodeText: "" };
    const { specs } = read(
      spec("timedout", { ...setUp, Failure: failure("nodes are not ready", END) }),
      spec("skipped", { NumAttempts: 1, Failure: failure("needs two nodes", END) }),
    );
    expect(
      specs.map(({ name, passed, failedAttempts }) => [name, passed, failedAttempts[0]?.reason]),
    ).toEqual([
      ["BeforeSuite", false, "nodes are not ready"],
      ["[sig-network] Services should serve [Conformance]", false, "needs two nodes"],
    ]);
  });

  it("has the reasons of the suite as a whole", () => {
    const report = { PreRunStats: { SpecsThatWillRun: 0 }, SpecReports: null };
    const json = JSON.stringify([{ ...report, SpecialSuiteFailureReasons: ["Interrupted by Timeout"] }]);
    expect(readSuiteReport(json)).toEqual({ planned: 0, specs: [], reasons: ["Interrupted by Timeout"] });
  });
});
