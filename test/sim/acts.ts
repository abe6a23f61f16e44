/** What the steps of a history do to a cluster, and whom each of them disturbs, and for how long. */
import type { SimulatedCluster } from "./cluster.ts";
import { HOST_ACTS } from "./host-acts.ts";
import { KERNEL_ACTS } from "./kernel-acts.ts";
import { OPERATOR_ACTS } from "./operator-acts.ts";
import type { Step } from "./step.ts";
import { STORE_ACTS } from "./store-acts.ts";

/** The steps that are done at once; the runner waits at a quiet one. */
export type Act = Exclude<Step, { do: "quiet" }>;
export type ActName = Act["do"];
export type ActOf<Name extends ActName> = Extract<Act, { readonly do: Name }>;
export type Acts<Name extends ActName> = {
  readonly [Each in Name]: (cluster: SimulatedCluster, act: Extract<Act, { readonly do: Each }>) => void;
};

const ACTS = { ...STORE_ACTS, ...KERNEL_ACTS, ...HOST_ACTS, ...OPERATOR_ACTS };

export function perform(cluster: SimulatedCluster, act: Act): void {
  const perform = ACTS[act.do] as (cluster: SimulatedCluster, act: Act) => void;
  perform(cluster, act);
}
