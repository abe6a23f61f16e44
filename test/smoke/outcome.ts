/** What came of a check, as a line that the smoke program prints and that a table is made from. */

export type Verdict = "ok" | "FAILED" | "not on this kernel";

export interface Outcome {
  readonly title: string;
  readonly verdict: Verdict;
  /** What was seen, why it failed, or which features the kernel lacks. */
  readonly detail: string;
}

const LINE = /^(ok|FAILED|not on this kernel): (.+?) \((.*)\)$/;

/** "ok: vxlan: the mesh is whole (8 pairs, 24 pings sent, 0 lost)", always one line. */
export function formatOutcome({ title, verdict, detail }: Outcome): string {
  return `${verdict}: ${title} (${detail.trim().replaceAll(/\s*\n\s*/g, "; ")})`;
}

/** null for a line that is no outcome. */
export function parseOutcome(line: string): Outcome | null {
  const [, verdict, title = "", detail = ""] = LINE.exec(line.trimEnd()) ?? [];
  return verdict === undefined ? null : { verdict: verdict as Verdict, title, detail };
}

/** The last line: "9 passed, 0 failed, 1 not on this kernel". */
export function summary(outcomes: readonly Outcome[]): string {
  const count = (verdict: Verdict) => outcomes.filter((outcome) => outcome.verdict === verdict).length;
  const absent = count("not on this kernel");
  const counts = `${count("ok")} passed, ${count("FAILED")} failed`;
  return absent === 0 ? counts : `${counts}, ${absent} not on this kernel`;
}

/** Where nothing could be tried nothing has passed. */
export function hasPassed(outcomes: readonly Outcome[]): boolean {
  return (
    outcomes.some(({ verdict }) => verdict === "ok") && outcomes.every(({ verdict }) => verdict !== "FAILED")
  );
}
