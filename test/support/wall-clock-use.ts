/**
 * Finds where a test's source reads the wall clock, bounds a wait, or asserts a duration: its result would depend on
 * the machine's speed.
 */
import ts from "typescript";

export interface WallClockUse {
  readonly line: number;
  readonly reason: string;
}

const REAL_CLOCKS: ReadonlySet<string> = new Set([
  "performance.now",
  "Date.now",
  "process.hrtime",
  "process.uptime",
]);
const OWN_WAITS: ReadonlySet<string> = new Set(["expect.poll", "vi.waitFor", "vi.waitUntil"]);
const COMPARISONS: ReadonlySet<string> = new Set([
  "toBeLessThan",
  "toBeLessThanOrEqual",
  "toBeGreaterThan",
  "toBeGreaterThanOrEqual",
  "toBeCloseTo",
]);
/** Options of a test or a wait that bound it by the clock, or hide its failure. */
const BOUNDS: ReadonlySet<string> = new Set(["timeout", "retry", "repeats"]);
/** Text without any of these needs no parsing. */
const SUSPECT =
  /performance|process|Date|poll|waitFor|waitUntil|toBe(?:Less|Greater|Close)|timeout|retry|repeats/;
/** Names of durations in this project: they end with the unit. */
const DURATION = /(?:Ms|Seconds|PerSecond|[a-z]S)$|^(?:elapsed|took|silence|duration)/;

/** @param text TypeScript or JavaScript @param bounded whether to check options such as `timeout` as well */
export function wallClockUses(text: string, bounded: boolean): WallClockUse[] {
  if (!SUSPECT.test(text)) return [];
  const source = ts.createSourceFile("source.ts", text, ts.ScriptTarget.ESNext, true);
  const uses: WallClockUse[] = [];
  const report = (node: ts.Node, reason: string) =>
    uses.push({ line: source.getLineAndCharacterOfPosition(node.getStart()).line + 1, reason });

  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAccessExpression(node)) {
      const name = `${node.expression.getText()}.${node.name.text}`;
      if (REAL_CLOCKS.has(name))
        report(node, `reads ${name}; pass a virtual clock, or measure it in bench/promises`);
      if (OWN_WAITS.has(name)) report(node, `waits with ${name}; use eventually()`);
    }
    if (ts.isNewExpression(node) && node.expression.getText() === "Date" && node.arguments?.length === 0) {
      report(node, "reads the wall clock by new Date()");
    }
    if (bounded && ts.isPropertyAssignment(node) && BOUNDS.has(node.name.getText())) {
      report(node, `sets ${node.name.getText()}; the deadline is one for all, and nothing is retried`);
    }
    if (ts.isCallExpression(node)) {
      const duration = comparedDuration(node);
      if (duration !== null)
        report(node, `compares the duration ${duration}; that is a promise of bench/promises`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return uses;
}

/** The first name of a duration in `expect(…).toBeLessThan(…)` and similar calls. */
function comparedDuration(call: ts.CallExpression): string | null {
  const matcher = call.expression;
  if (!ts.isPropertyAccessExpression(matcher) || !COMPARISONS.has(matcher.name.text)) return null;
  let found: string | null = null;
  const look = (node: ts.Node): void => {
    if (ts.isIdentifier(node) && DURATION.test(node.text)) found ??= node.text;
    ts.forEachChild(node, look);
  };
  look(call);
  return found;
}
