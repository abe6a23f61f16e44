/** Builds the lab of a scene, runs its checks, and removes it. */
import { readFile } from "node:fs/promises";
import { daemonLog } from "../../src/lab/daemon.ts";
import { Lab } from "../../src/lab/lab.ts";
import { messageOf } from "../../src/runtime/error.ts";
import { type KernelFeature, whyAbsent } from "./kernel-feature.ts";
import type { Outcome } from "./outcome.ts";
import type { Check, Scene } from "./scene.ts";
import { TWEED } from "./tweed.ts";

export interface Played {
  readonly outcome: Outcome;
  /** The last of what the daemons logged, where the check failed. */
  readonly logs: readonly string[];
}

const LOG_LINES = 12;

/** Yields an outcome for each check, whatever happens. @throws when the signal aborts */
export async function* play(scene: Scene, signal: AbortSignal): AsyncGenerator<Played> {
  const { spec, flags, needs, checks } = scene;
  let lab: Lab;
  try {
    const lacks = await absent(needs);
    if (lacks !== "") {
      yield* checks.map(({ title }) => without(title, "not on this kernel", lacks));
      return;
    }
    lab = await Lab.up(spec, { tweed: TWEED, extraFlags: flags });
  } catch (error) {
    const detail = `its lab does not come up: ${messageOf(error)}`;
    yield* checks.map(({ title }, index) => without(title, "FAILED", index === 0 ? detail : "it has no lab"));
    return;
  }
  try {
    for (const check of checks) {
      signal.throwIfAborted();
      const outcome = await outcomeOf(check, lab, signal);
      yield { outcome, logs: outcome.verdict === "FAILED" ? await lastWords(lab) : [] };
    }
  } finally {
    await Lab.down(spec.name);
  }
}

function without(title: string, verdict: Outcome["verdict"], detail: string): Played {
  return { outcome: { title, verdict, detail }, logs: [] };
}

async function outcomeOf({ title, needs = [], run }: Check, lab: Lab, signal: AbortSignal): Promise<Outcome> {
  try {
    const lacks = await absent(needs);
    if (lacks !== "") return { title, verdict: "not on this kernel", detail: lacks };
    return { title, verdict: "ok", detail: await run(lab, signal) };
  } catch (error) {
    return { title, verdict: "FAILED", detail: messageOf(error) };
  }
}

/** "" when everything is there. */
async function absent(features: readonly KernelFeature[]): Promise<string> {
  const reasons: string[] = [];
  for (const feature of features) {
    const reason = await whyAbsent(feature);
    if (reason !== null) reasons.push(reason);
  }
  return reasons.join("; ");
}

async function lastWords(lab: Lab): Promise<string[]> {
  const logs = lab.nodes.map(async (node) => {
    const lines = (await readFile(daemonLog(node), "utf8")).trimEnd().split("\n").slice(-LOG_LINES);
    return lines.map((line) => `${node.name}: ${line}`);
  });
  return (await Promise.all(logs)).flat();
}
