/** Results of the suite, from its runner's JSON report (types/types.go of ginkgo v2, Report and SpecReport). */

/** An attempt at a spec that failed. */
export interface FailedAttempt {
  readonly reason: string;
  /** In milliseconds since the epoch, like all times here. */
  readonly fromMs: number;
  readonly toMs: number;
}

export interface SpecResult {
  /** Including the texts of all enclosing containers. */
  readonly name: string;
  readonly passed: boolean;
  /** Those before a last one that passed, or all. */
  readonly failedAttempts: readonly FailedAttempt[];
}

export interface SuiteResult {
  /** Number of specs selected by the focus. */
  readonly planned: number;
  /** Results of specs that ran, and of failed set-up and tear-down. */
  readonly specs: readonly SpecResult[];
  /** Why the suite failed as a whole. */
  readonly reasons: readonly string[];
}

interface Failure {
  readonly Message: string;
  readonly TimelineLocation?: { readonly Time?: string };
}

interface SpecReport {
  readonly ContainerHierarchyTexts: readonly string[] | null;
  readonly LeafNodeType: string;
  readonly LeafNodeText: string;
  readonly State: string;
  /** 0 for specs outside the focus. */
  readonly NumAttempts: number;
  readonly StartTime: string;
  readonly EndTime: string;
  readonly Failure?: Failure;
  readonly AdditionalFailures?: readonly { readonly State: string; readonly Failure: Failure }[] | null;
}

interface Report {
  readonly SpecialSuiteFailureReasons?: readonly string[] | null;
  readonly PreRunStats: { readonly SpecsThatWillRun: number };
  readonly SpecReports: readonly SpecReport[] | null;
}

const FAILED = ["failed", "aborted", "panicked", "interrupted", "timedout"];
const PASSED = "passed";
/** Node type of a spec; all others are the suite's set-up and tear-down. */
const SPEC = "It";
/** Prefix of a failure that another attempt followed. */
const EARLIER_ATTEMPT = /^Failure recorded during attempt \d+:\n/;

/** @param json an array with one report */
export function readSuiteReport(json: string): SuiteResult {
  const reports = JSON.parse(json) as readonly Report[];
  const specs = reports.flatMap(({ SpecReports }) => SpecReports ?? []);
  return {
    planned: reports.reduce((sum, { PreRunStats }) => sum + PreRunStats.SpecsThatWillRun, 0),
    specs: specs.filter(isResult).map(resultOf),
    reasons: reports.flatMap(({ SpecialSuiteFailureReasons }) => SpecialSuiteFailureReasons ?? []),
  };
}

function isResult({ LeafNodeType, State, NumAttempts }: SpecReport): boolean {
  if (FAILED.includes(State)) return true;
  // A spec that skips itself has not passed.
  return LeafNodeType === SPEC && (State === PASSED || (State === "skipped" && NumAttempts > 0));
}

function resultOf(spec: SpecReport): SpecResult {
  const passed = spec.State === PASSED;
  const earlier = (spec.AdditionalFailures ?? [])
    .map(({ Failure }) => Failure)
    .filter(({ Message }) => EARLIER_ATTEMPT.test(Message));
  const failures = passed || spec.Failure === undefined ? earlier : [...earlier, spec.Failure];
  const texts = [...(spec.ContainerHierarchyTexts ?? []), spec.LeafNodeText].filter(Boolean);
  return {
    name: texts.length === 0 ? spec.LeafNodeType : texts.join(" "),
    passed,
    failedAttempts: attempts(spec, failures),
  };
}

/** Each begins at the failure of the previous one. */
function attempts(spec: SpecReport, failures: readonly Failure[]): FailedAttempt[] {
  let fromMs = Date.parse(spec.StartTime);
  return failures.map(({ Message, TimelineLocation }) => {
    const toMs = Date.parse(TimelineLocation?.Time ?? spec.EndTime);
    const attempt = { reason: Message.replace(EARLIER_ATTEMPT, ""), fromMs, toMs };
    fromMs = toMs;
    return attempt;
  });
}
