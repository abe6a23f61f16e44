/**
 * Summary of a run of the suite: the number of passed specs, and for each failure the disturbances of the cluster at
 * that time.
 */
import type { ChaosEvent } from "./chaos.ts";
import type { FailedAttempt, SpecResult, SuiteResult } from "./suite-report.ts";

const REASON_LENGTH = 400;

/** Possible causes of a failed attempt. */
export type FailureCause =
  | "network or cluster"
  | "absent API server"
  | "absent kubelet"
  | "an earlier attempt";

/** Messages of a client that did not reach the API server. */
const NO_API_SERVER =
  /:6443\b.*(refused|reset|EOF|timeout|unreachable|http2|abort)|connection to the server .* was refused|(refused|reset|EOF|lost|timeout).*:6443\b|watch closed before/i;
/** Messages of an API server that did not reach a kubelet, or reached one that does not know its pods yet. */
const NO_KUBELET =
  /:10250\b.*(refused|reset|EOF|timeout)|error dialing backend|unable to upgrade connection|requested resource \(get pods/i;
/** Leftovers of the API server outage that block the same spec. */
const LEFTOVERS = /didn't have free ports|port is already allocated/i;

export function hasPassed({ planned, specs, reasons }: SuiteResult): boolean {
  return (
    planned > 0 && reasons.length === 0 && passedOf(specs) === planned && specs.every(({ passed }) => passed)
  );
}

/** "1.34 vxlan v4 iptables: 45 of 45 passed, 6 min 3 s" */
export function summary(name: string, { planned, specs }: SuiteResult, durationMs: number): string {
  const retried = specs.filter(({ passed, failedAttempts }) => passed && failedAttempts.length > 0).length;
  const again = retried === 0 ? "" : ` (${retried} when tried again)`;
  const seconds = Math.round(durationMs / 1000);
  return `${name}: ${passedOf(specs)} of ${planned} passed${again}, ${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** Lines about each spec that failed at least once, and about the suite as a whole. */
export function details({ specs, reasons }: SuiteResult, events: readonly ChaosEvent[]): string[] {
  const failing = specs.filter(({ passed, failedAttempts }) => !passed || failedAttempts.length > 0);
  return [
    ...failing.flatMap((spec) => aboutSpec(spec, events)),
    ...reasons.map((reason) => `  suite: ${oneLine(reason)}`),
  ];
}

/**
 * A failure is caused by the chaos if its request met a server that was stopped at that time.
 * @param isRepeated whether it follows another attempt at the same spec
 */
export function failureCauseOf(
  { reason, ...times }: FailedAttempt,
  events: readonly ChaosEvent[],
  isRepeated = false,
): FailureCause {
  const kinds = meanwhile(times, events).map(({ kind }) => kind);
  if (kinds.includes("api-server-away") && NO_API_SERVER.test(reason)) return "absent API server";
  if (kinds.includes("restart-kubelet") && NO_KUBELET.test(reason)) return "absent kubelet";
  return isRepeated && LEFTOVERS.test(reason) ? "an earlier attempt" : "network or cluster";
}

function aboutSpec({ name, passed, failedAttempts }: SpecResult, events: readonly ChaosEvent[]): string[] {
  return [
    `  ${passed ? "passed when tried again" : "FAILED"}: ${name}`,
    ...failedAttempts.flatMap((attempt, index) => [
      `    attempt ${index + 1}, ${clock(attempt.fromMs)} to ${clock(attempt.toMs)}, ${failureCauseOf(attempt, events, index > 0)}: ${oneLine(attempt.reason)}`,
      ...meanwhile(attempt, events).map((event) => `      ${formatEvent(event)}`),
    ]),
  ];
}

/** "21:43:05 backend to udp", of UTC. */
export function formatEvent({ fromMs, toMs, what, fault }: ChaosEvent): string {
  const until = clock(fromMs) === clock(toMs) ? "" : ` to ${clock(toMs)}`;
  return `${clock(fromMs)}${until} ${what}${fault === null ? "" : `, failed: ${oneLine(fault)}`}`;
}

function meanwhile({ fromMs, toMs }: Pick<FailedAttempt, "fromMs" | "toMs">, events: readonly ChaosEvent[]) {
  return events.filter((event) => event.fromMs <= toMs && event.toMs >= fromMs);
}

function passedOf(specs: readonly SpecResult[]): number {
  return specs.filter(({ passed }) => passed).length;
}

function clock(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(11, 19);
}

function oneLine(text: string): string {
  return text
    .trim()
    .replaceAll(/\s*\n\s*/g, "; ")
    .slice(0, REASON_LENGTH);
}
