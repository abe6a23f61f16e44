/**
 * Whether Tweed works on this Node and this kernel at all: a line for each check, at last how many passed, and exit code 1
 * when one failed. It wants root and the built bundle, and works in namespaces of its own, which it removes. Its arguments
 * name the labs that it builds, or their backends; it builds all without any.
 */
import { release } from "node:os";
import { runCommand } from "../support/run-command.ts";
import { describePackages } from "./native-packages.ts";
import { formatOutcome, hasPassed, type Outcome, summary } from "./outcome.ts";
import { play } from "./play.ts";
import { SCENES } from "./scenes.ts";

await runCommand(async ({ say, signal }) => {
  say(`Node ${process.version}, Linux ${release()}; ${await describePackages()}`);
  const chosen = process.argv.slice(2);
  const outcomes: Outcome[] = [];
  for (const scene of SCENES) {
    const names = [scene.spec.name, String(scene.spec.backend.Type)];
    if (chosen.length > 0 && !names.some((name) => chosen.includes(name))) continue;
    for await (const { outcome, logs } of play(scene, signal)) {
      outcomes.push(outcome);
      say(formatOutcome(outcome));
      for (const line of logs) say(`  ${line}`);
    }
  }
  say(summary(outcomes));
  return hasPassed(outcomes) ? 0 : 1;
});
