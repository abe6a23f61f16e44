/** Times and kinds of disturbances of a cluster while the suite runs: the same for the same seed. */
import type { Random } from "../../../src/runtime/random.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import type { Backend } from "../checks/installation.ts";

export type ChaosAction =
  | { readonly kind: "switch"; readonly backend: Backend }
  | { readonly kind: "restart-daemons" }
  /** The node's index. */
  | { readonly kind: "restart-kubelet"; readonly node: number }
  | { readonly kind: "kill-daemon"; readonly node: number }
  | { readonly kind: "api-server-away"; readonly durationMs: number };

export interface ScheduledAction {
  /** Since the start of the suite. */
  readonly atMs: number;
  readonly action: ChaosAction;
}

export const BACKENDS: readonly Backend[] = [
  { Type: "vxlan" },
  { Type: "vxlan", DirectRouting: true },
  { Type: "host-gw" },
  { Type: "udp" },
];
const SWITCH_EVERY_MS = 15_000;
/** The first disturbance other than a switch: the suite's own set-up comes first. */
const FIRST_AFTER_MS = 30_000;
const GAP_MS = { least: 15_000, range: 30_000 };
const OUTAGE_MS = 10_000;
/** Each occurs in proportion to its count here. */
const DISTURBANCES = [
  "restart-daemons",
  "restart-daemons",
  "restart-kubelet",
  "restart-kubelet",
  "restart-kubelet",
  "kill-daemon",
  "kill-daemon",
  "kill-daemon",
  "api-server-away",
] as const;

/** Ordered by time, endless. @param nodes their number @param first the initial backend */
export function* chaosSchedule(seed: number, nodes: number, first: string): Generator<ScheduledAction> {
  const random = seededRandom(seed);
  let backend = BACKENDS.find(({ Type }) => Type === first);
  let switchAtMs = SWITCH_EVERY_MS;
  let disturbAtMs = FIRST_AFTER_MS + random.below(GAP_MS.range);
  for (;;) {
    if (switchAtMs <= disturbAtMs) {
      backend = oneOf(
        BACKENDS.filter((each) => each !== backend),
        random,
      );
      yield { atMs: switchAtMs, action: { kind: "switch", backend } };
      switchAtMs += SWITCH_EVERY_MS;
    } else {
      yield { atMs: disturbAtMs, action: disturbance(nodes, random) };
      disturbAtMs += GAP_MS.least + random.below(GAP_MS.range);
    }
  }
}

function disturbance(nodes: number, random: Random): ChaosAction {
  const kind = oneOf(DISTURBANCES, random);
  if (kind === "restart-daemons") return { kind };
  if (kind === "api-server-away") return { kind, durationMs: OUTAGE_MS };
  return { kind, node: random.below(nodes) };
}

function oneOf<T>(items: readonly T[], random: Random): T {
  const item = items[random.below(items.length)];
  if (item === undefined) throw new Error("there is nothing to choose from");
  return item;
}

/** "backend to vxlan DirectRouting=true" */
export function describeAction(action: ChaosAction): string {
  switch (action.kind) {
    case "switch": {
      const { Type, ...options } = action.backend;
      return ["backend to", Type, ...Object.entries(options).map((pair) => pair.join("="))].join(" ");
    }
    case "restart-daemons":
      return "DaemonSet restarted";
    case "restart-kubelet":
      return `kubelet of node${action.node + 1} restarted`;
    case "kill-daemon":
      return `daemon of node${action.node + 1} killed`;
    case "api-server-away":
      return `API server away for ${action.durationMs / 1000} s`;
  }
}
