/** The demo from its first line to its last. */

import { run } from "../../src/runtime/program.ts";
import { labName } from "../guard.ts";
import { type PromiseGroup, roundsOf } from "./group.ts";

const BOUND_MS = 60_000;
const TIMEOUT_MS = 300_000;

export const demo: PromiseGroup = {
  name: "demo",
  async measure(bench) {
    const [program = "", ...words] = [...bench.program.tweed, "demo", `--name=${labName(0)}`];
    for (let round = 0; round < roundsOf(bench, 0.2); round++) {
      const startedMs = performance.now();
      await run(program, words, { timeoutMs: TIMEOUT_MS, signal: bench.signal });
      bench.note({ topic: "tweed demo", detail: "", boundMs: BOUND_MS }, performance.now() - startedMs);
    }
  },
};
