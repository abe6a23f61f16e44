/**
 * After how many histories the oracle notices each faulty part: `npm run sim:mutants`, or only those whose names contain
 * the given word. A history that fails without the part as well does not count. Ends with 1 when a part went unnoticed.
 */
import { describeViolation } from "./failure-text.ts";
import type { FaultyPart } from "./faulty-part.ts";
import { type HistoryOptions, runHistory } from "./history.ts";
import { KNOWN_BUGS } from "./known-bugs.ts";
import { MUTATIONS } from "./mutations.ts";
import { runRange } from "./run-range.ts";

const MOST = 200;
const OPTIONS: HistoryOptions = { steps: 80, nodes: 3, store: "file" };

async function notice({ name, options = {}, replacements }: FaultyPart): Promise<boolean> {
  let invariant: string | null = null;
  let text = "";
  const range = { seed: 1, from: 0, count: MOST, stride: 1 };
  const all = { ...OPTIONS, ...options };
  const { histories } = await runRange(
    range,
    all,
    async ({ history, result }) => {
      if ((await runHistory(history)).violation !== null) return true;
      invariant = result.violation?.invariant ?? null;
      text = describeViolation(result);
      return false;
    },
    replacements,
  );
  console.log(
    `| ${name} | ${all.store} | ${invariant ?? "none"} | ${invariant === null ? "-" : histories} |`,
  );
  if (text !== "") console.error(`  ${text.slice(0, 240)}`);
  return invariant !== null;
}

Error.stackTraceLimit = 0;
const [, , word = ""] = process.argv;
const parts = [...KNOWN_BUGS, ...MUTATIONS].filter(({ name }) => name.includes(word));
console.log("| faulty part | store | noticed by | after histories |");
console.log("| --- | --- | --- | --- |");
let noticed = 0;
for (const part of parts) if (await notice(part)) noticed += 1;
console.log(`\n${noticed} of ${parts.length} noticed`);
process.exitCode = noticed < parts.length ? 1 : 0;
