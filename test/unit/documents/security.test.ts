import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { readDocument } from "../../support/markdown.ts";

const document = (await readDocument("SECURITY.md")).replaceAll(/\s+/g, " ");
/** "`unit/lease/accept` › the older claim stands": a suite, and how a title in it goes. */
const references = [
  ...document.matchAll(/`((?:unit|property|kernel|stores|e2e)\/[\w/-]+)` › ([^|;:]+?)\s*(?=[|;:]|\. |\.$)/g),
].map(([, suite = "", title = ""]) => ({ suite, title }));

describe("the security document", () => {
  it("names a test for its claims", () => {
    const named = document.match(/`(?:unit|property|kernel|stores|e2e)\//g) ?? [];
    expect(references.length).toBeGreaterThan(10);
    expect(references).toHaveLength(named.length);
  });

  it.each(references)("$suite has a test that goes: $title", async ({ suite, title }) => {
    const text = await readFile(new URL(`../../${suite}.test.ts`, import.meta.url), "utf8");
    expect(text).toContain(title);
  });
});
