/** Reports violated invariants: one limited log line for each, a count, and a note while it lasts. Ends nothing. */
import { messageOf } from "../../runtime/error.ts";
import type { ReportParts } from "../reports/report-parts.ts";
import { INVARIANTS, type Invariant, type Violation } from "./violation.ts";

const REPEAT_MS = 60_000;
const MAX_NAMED = 3;

export class InvariantReport {
  readonly #parts: ReportParts;
  readonly #loggedAtMs = new Map<Invariant, number>();

  constructor(parts: ReportParts) {
    this.#parts = parts;
  }

  /** @param check returns the violations of these invariants; one that throws is a violation of the first */
  checked(invariants: readonly [Invariant, ...Invariant[]], check: () => readonly Violation[]): void {
    const violations = this.#violationsOf(invariants[0], check);
    const before = this.#parts.report.invariants;
    if (violations.length === 0 && invariants.every((each) => before[each].reason === null)) return;
    const after = { ...before };
    for (const code of invariants) {
      const violation = violations.find((each) => each.code === code);
      const { total } = before[code];
      after[code] =
        violation === undefined ? { reason: null, total } : { reason: reasonOf(violation), total: total + 1 };
      if (violation !== undefined) this.#logViolation(violation);
    }
    this.#parts.report.invariants = after;
    this.#parts.notes.set(
      "invariant",
      Object.values(after).flatMap(({ reason }) => reason ?? []),
    );
  }

  #violationsOf(first: Invariant, check: () => readonly Violation[]): readonly Violation[] {
    try {
      return check();
    } catch (error) {
      return [{ code: first, found: [`the check failed: ${messageOf(error)}`] }];
    }
  }

  #logViolation(violation: Violation): void {
    const { code, found } = violation;
    const nowMs = this.#parts.clock.nowMs();
    if (nowMs - (this.#loggedAtMs.get(code) ?? Number.NEGATIVE_INFINITY) < REPEAT_MS) return;
    this.#loggedAtMs.set(code, nowMs);
    const fields = { op: "check-invariants", code, count: found.length, reason: reasonOf(violation) };
    this.#parts.log.error(fields, "invariant violated, please report it");
  }
}

function reasonOf({ code, found }: Violation): string {
  const more = found.length > MAX_NAMED ? `, and ${found.length - MAX_NAMED} more` : "";
  return `${INVARIANTS[code]}: ${found.slice(0, MAX_NAMED).join(", ")}${more}`;
}
