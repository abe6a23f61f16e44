import { describe, expect, it } from "vitest";
import type { ChaosEvent } from "../../cluster/conformance/chaos.ts";
import type { SpecResult } from "../../cluster/conformance/suite-report.ts";
import { details, failureCauseOf, hasPassed, summary } from "../../cluster/conformance/verdict.ts";

const TIME = Date.parse("2026-11-27T21:00:00Z");
const OUTAGE: ChaosEvent = {
  kind: "api-server-away",
  what: "API server away for 10 s",
  fromMs: TIME + 10_000,
  toMs: TIME + 20_000,
  fault: null,
};
const SWITCH: ChaosEvent = { ...OUTAGE, kind: "switch", what: "backend to udp", toMs: OUTAGE.fromMs };
const REFUSED =
  'Post "https://198.18.0.2:6443/api/v1/namespaces": dial tcp 198.18.0.2:6443: connect: connection refused';

function attempt(reason: string, fromS: number, toS: number) {
  return { reason, fromMs: TIME + fromS * 1000, toMs: TIME + toS * 1000 };
}

const PASSED: SpecResult = { name: "serves", passed: true, failedAttempts: [] };
const RETRIED: SpecResult = { name: "resolves", passed: true, failedAttempts: [attempt(REFUSED, 5, 15)] };
const FAILED: SpecResult = { name: "routes", passed: false, failedAttempts: [attempt("no\n answer", 0, 5)] };

describe("a run of the suite", () => {
  it("has passed when all that was planned has", () => {
    expect(hasPassed({ planned: 2, specs: [PASSED, RETRIED], reasons: [] })).toBe(true);
    expect(hasPassed({ planned: 2, specs: [PASSED], reasons: [] })).toBe(false);
    expect(hasPassed({ planned: 1, specs: [PASSED, FAILED], reasons: [] })).toBe(false);
    expect(hasPassed({ planned: 1, specs: [PASSED], reasons: ["timed out"] })).toBe(false);
    expect(hasPassed({ planned: 0, specs: [], reasons: [] })).toBe(false);
  });

  it("is a line", () => {
    const result = { planned: 3, specs: [PASSED, RETRIED, FAILED], reasons: [] };
    expect(summary("vxlan v4", result, 363_000)).toBe(
      "vxlan v4: 2 of 3 passed (1 when tried again), 6 min 3 s",
    );
  });

  it("has each failure with its reason and what happened meanwhile", () => {
    const result = { planned: 3, specs: [PASSED, RETRIED, FAILED], reasons: ["timed out"] };
    expect(details(result, [SWITCH, OUTAGE])).toEqual([
      "  passed when tried again: resolves",
      `    attempt 1, 21:00:05 to 21:00:15, absent API server: ${REFUSED}`,
      "      21:00:10 backend to udp",
      "      21:00:10 to 21:00:20 API server away for 10 s",
      "  FAILED: routes",
      "    attempt 1, 21:00:00 to 21:00:05, network or cluster: no; answer",
      "  suite: timed out",
    ]);
  });
});

describe("a failure is", () => {
  it("the absent API server's where a request to it failed while it was away", () => {
    expect(failureCauseOf(attempt(REFUSED, 5, 15), [OUTAGE])).toBe("absent API server");
    expect(failureCauseOf(attempt(REFUSED, 0, 5), [OUTAGE])).toBe("network or cluster");
    expect(failureCauseOf(attempt(REFUSED, 5, 15), [SWITCH])).toBe("network or cluster");
    const kubectl =
      "The connection to the server 198.18.0.2:6443 was refused - did you specify the right host or port?";
    expect(failureCauseOf(attempt(kubectl, 5, 15), [OUTAGE])).toBe("absent API server");
    const watch = "failed to locate Service web: watch closed before UntilWithoutRetry timeout";
    expect(failureCauseOf(attempt(watch, 5, 15), [OUTAGE])).toBe("absent API server");
  });

  it("the absent kubelet's where a command could not be run while it restarted", () => {
    const restart: ChaosEvent = { ...OUTAGE, kind: "restart-kubelet" };
    const reason = "error dialing backend: dial tcp 198.18.1.1:10250: connect: connection refused";
    expect(failureCauseOf(attempt(reason, 5, 15), [restart])).toBe("absent kubelet");
    const unknown = "pod client logs: the server could not find the requested resource (get pods web)";
    expect(failureCauseOf(attempt(unknown, 5, 15), [restart])).toBe("absent kubelet");
    expect(failureCauseOf(attempt(reason, 5, 15), [OUTAGE])).toBe("network or cluster");
  });

  it("an earlier attempt's where that left something in the way", () => {
    const reason = "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports";
    expect(failureCauseOf(attempt(reason, 5, 15), [OUTAGE], true)).toBe("an earlier attempt");
    expect(failureCauseOf(attempt(reason, 5, 15), [OUTAGE])).toBe("network or cluster");
  });

  it("the network's else", () => {
    const reason = "dial tcp 10.244.1.7:8080: connect: connection refused";
    expect(failureCauseOf(attempt(reason, 5, 15), [OUTAGE, SWITCH])).toBe("network or cluster");
  });
});
