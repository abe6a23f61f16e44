/**
 * Histories in which the simulator has shown a fault of the product, shrunk by it: each must come to its end now. The name
 * of the file says which fault it was; `npm run sim -- --replay FILE` prints what happens in it.
 */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { describeHistory, describeViolation } from "./failure-text.ts";
import { type History, runHistory } from "./history.ts";

const DIRECTORY = new URL("histories/", import.meta.url);
const names = readdirSync(DIRECTORY).filter((name) => name.endsWith(".json"));

describe("a fault of before does not come back", () => {
  it.each(names)("%s", async (name) => {
    const history = JSON.parse(readFileSync(new URL(name, DIRECTORY), "utf8")) as History;
    const result = await runHistory(history);
    expect(describeViolation(result), describeHistory(history)).toBe("no violation");
  });

  it("is looked for in several of them", () => {
    expect(names.length).toBeGreaterThanOrEqual(15);
  });
});
