/** What passed where, as a table: a column for each Node or kernel, a row for each check. */
import { type Outcome, parseOutcome, type Verdict } from "../smoke/outcome.ts";

export interface Column {
  /** "Node 24.21.0", "Linux 6.1.0-56-amd64". */
  readonly place: string;
  readonly outcomes: readonly Outcome[];
}

/** For a check that the place never came to. */
const NOT_RUN = "not run";
/** The whole reason stands where the check was run. */
const REASON_LENGTH = 300;

/** What the smoke program printed; a check without a line of its own has not been run. */
export function outcomesIn(output: string): Outcome[] {
  return output
    .split("\n")
    .map(parseOutcome)
    .filter((outcome) => outcome !== null);
}

/** A program that either succeeds or fails, as an outcome. */
export function outcomeOf(title: string, { exitCode }: { readonly exitCode: number }): Outcome {
  return { title, verdict: exitCode === 0 ? "ok" : "FAILED", detail: `exit code ${exitCode}` };
}

/** The table, and below it the reason of all that is not ok. */
export function report(titles: readonly string[], columns: readonly Column[]): string {
  const rows = [
    ["", ...columns.map(({ place }) => place)],
    ...titles.map((title) => [title, ...columns.map(({ outcomes }) => verdictOf(title, outcomes))]),
  ];
  const widths = ["", ...columns].map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  const reasons = columns.flatMap(({ place, outcomes }) =>
    outcomes
      .filter(({ verdict }) => verdict !== "ok")
      .map(
        ({ title, verdict, detail }) => `${place}: ${title}: ${verdict}: ${detail.slice(0, REASON_LENGTH)}`,
      ),
  );
  return [...lines, ...reasons].join("\n");
}

/** Whether every check passed everywhere, but for what a kernel lacks. */
export function isClean(titles: readonly string[], columns: readonly Column[]): boolean {
  return columns.every(({ outcomes }) => {
    const verdicts = titles.map((title) => verdictOf(title, outcomes));
    return verdicts.includes("ok") && verdicts.every((each) => each !== "FAILED" && each !== NOT_RUN);
  });
}

function verdictOf(title: string, outcomes: readonly Outcome[]): Verdict | typeof NOT_RUN {
  return outcomes.find((outcome) => outcome.title === title)?.verdict ?? NOT_RUN;
}
