/**
 * Whether Tweed works on this Node and this kernel at all: a line for each check, at last how many passed, and exit code 1
 * when one failed. It wants root and the built bundle, and works in namespaces of its own, which it removes.
 */
import { release } from "node:os";
import { processIo } from "../../src/cli/io.ts";
import { describePackages } from "./native-packages.ts";
import { formatOutcome, hasPassed, type Outcome, summary } from "./outcome.ts";
import { play } from "./play.ts";
import { SCENES } from "./scenes.ts";

const { say, signal } = processIo();
const outcomes: Outcome[] = [];
say(`Node ${process.version}, Linux ${release()}; ${await describePackages()}`);
for (const scene of SCENES) {
  for await (const outcome of play(scene, signal)) {
    outcomes.push(outcome);
    say(formatOutcome(outcome));
  }
}
say(summary(outcomes));
process.exitCode = hasPassed(outcomes) ? 0 : 1;
