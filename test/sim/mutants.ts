/**
 * After how many histories the oracle notices each faulty part: `npm run sim:mutants`, or only those whose names contain
 * the given word. A history that fails without the part as well does not count.
 */
import { describeViolation } from "./failure-text.ts";
import { KNOWN_BUGS, MUTATIONS } from "./faulty-parts.ts";
import { runHistory } from "./history.ts";
import { runRange } from "./run-range.ts";

const MOST = 200;

Error.stackTraceLimit = 0;
const [, , word = ""] = process.argv;
for (const { name, replacements } of [...KNOWN_BUGS, ...MUTATIONS].filter((each) =>
  each.name.includes(word),
)) {
  let caught = "not caught";
  const range = { seed: 1, from: 0, count: MOST, stride: 1 };
  const options = { steps: 80, nodes: 3, store: "file" } as const;
  const { histories } = await runRange(
    range,
    options,
    async ({ history, result }) => {
      if ((await runHistory(history)).violation !== null) return true;
      caught = describeViolation(result);
      return false;
    },
    replacements,
  );
  console.log(`${name}: after ${histories} histories, ${caught.slice(0, 160)}`);
}
