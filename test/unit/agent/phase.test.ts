import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  advance,
  CAUSES,
  type Cause,
  type Facts,
  PHASES,
  TRANSITIONS,
} from "../../../src/agent/switch-over/phase.ts";
import { codeSpans, readDocument, section, tableRows } from "../../support/markdown.ts";

const anyFacts: fc.Arbitrary<Facts> = fc.record({
  isReplaced: fc.boolean(),
  isPreferred: fc.boolean(),
  isPlanned: fc.boolean(),
  isConverged: fc.constantFrom(true, false, null),
  isAdvertised: fc.boolean(),
  isInForce: fc.boolean(),
  isUsed: fc.boolean(),
  isGraceOver: fc.boolean(),
  isNamed: fc.boolean(),
});

describe("the table of phases", () => {
  it("is the one in ARCHITECTURE.md", async () => {
    const rows = tableRows(section(await readDocument("ARCHITECTURE.md"), "Life of a backend change"));
    const documented = rows.map(([from = "", cause = "", to = ""]) => [
      codeSpans(from)[0],
      cause,
      codeSpans(to)[0],
    ]);
    expect(documented).toEqual(TRANSITIONS.map(({ from, cause, to }) => [from, cause, to]));
  });

  it("uses every cause, and leads into and out of every phase", () => {
    expect([...new Set(TRANSITIONS.map(({ cause }) => cause))].sort()).toEqual(
      (Object.keys(CAUSES) as Cause[]).sort(),
    );
    expect(new Set(TRANSITIONS.map(({ from }) => from))).toEqual(new Set(PHASES));
    const reached = new Set(TRANSITIONS.map(({ to }) => to));
    expect(reached).toEqual(new Set([...PHASES.slice(1), "gone"]));
  });

  it("takes every backend to an end that the same facts leave alone, whatever they are", () => {
    fc.assert(
      fc.property(fc.constantFrom(...PHASES), anyFacts, (phase, facts) => {
        const end = advance(phase, facts);
        if (end !== "gone") expect(advance(end, facts)).toBe(end);
      }),
    );
  });
});
