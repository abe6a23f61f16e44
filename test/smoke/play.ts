/** Builds the lab of a scene, runs its checks, and removes it. */
import { Lab } from "../../src/lab/lab.ts";
import { messageOf } from "../../src/runtime/error.ts";
import { type KernelFeature, whyAbsent } from "./kernel-feature.ts";
import type { Outcome } from "./outcome.ts";
import type { Check, Scene } from "./scene.ts";
import { TWEED } from "./tweed.ts";

/** Yields an outcome for each check, whatever happens. */
export async function* play(scene: Scene, signal: AbortSignal): AsyncGenerator<Outcome> {
  const lacks = await absent(scene.needs);
  if (lacks !== "") {
    for (const { title } of scene.checks) yield { title, verdict: "not on this kernel", detail: lacks };
    return;
  }
  let lab: Lab;
  try {
    lab = await Lab.up(scene.spec, { tweed: TWEED, extraFlags: scene.flags });
  } catch (error) {
    const detail = `the lab does not come up: ${messageOf(error)}`;
    for (const { title } of scene.checks) yield { title, verdict: "FAILED", detail };
    return;
  }
  try {
    for (const check of scene.checks) {
      signal.throwIfAborted();
      yield await outcomeOf(check, lab, signal);
    }
  } finally {
    await Lab.down(scene.spec.name);
  }
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
