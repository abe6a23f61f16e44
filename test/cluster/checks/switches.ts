/** Each change of backend, by the config map only, under pings and requests. */
import type { CheckBed, ClusterCheck } from "./check.ts";
import { timed } from "./check.ts";
import { type Backend, changeConfiguration, nudgeKubelets, untilCarriedBy } from "./installation.ts";
import { expectNoLoss, formatLosses } from "./traffic.ts";

interface Switch {
  readonly to: Backend;
  readonly isShort?: true;
  /** Whether kubelets update the config map in the pods in their own time, up to some 90 s. */
  readonly isUnhurried?: true;
}

/** In this order, beginning with vxlan. */
const SWITCHES: readonly Switch[] = [
  { to: { Type: "host-gw" }, isShort: true },
  { to: { Type: "udp" }, isShort: true },
  { to: { Type: "vxlan" }, isShort: true },
  { to: { Type: "vxlan", DirectRouting: true } },
  { to: { Type: "udp" } },
  { to: { Type: "host-gw" }, isUnhurried: true },
  { to: { Type: "vxlan", VNI: 7, Port: 4789 } },
  { to: { Type: "host-gw" } },
  { to: { Type: "vxlan" } },
];

/** Bound of losses in flight when a path changes its carrier; between two kernel paths there are none. */
export const SWITCH_CHECKS: readonly ClusterCheck[] = SWITCHES.map(
  ({ to, isShort = false, isUnhurried = false }, index) => ({
    title: `${index + 1}. switch to ${describe(to)}, by config map alone`,
    isShort,
    run: (bed) => switchTo(bed, to, isUnhurried),
  }),
);

function describe({ Type, ...options }: Backend): string {
  return [Type, ...Object.entries(options).map(([key, value]) => `${key}=${value}`)].join(" ");
}

async function switchTo(bed: CheckBed, to: Backend, isUnhurried: boolean): Promise<string> {
  let took = "";
  const losses = await bed.losses(async () => {
    took = await timed(() => turnTo(bed, to, isUnhurried));
  });
  expectNoLoss(losses);
  const pace = isUnhurried ? "the kubelets in their own time" : "the kubelets nudged";
  return `${took} from apply to the last node's turn, ${pace}; ${formatLosses(losses)}`;
}

/**
 * Changes only the config map. Resolves once each daemon sends by this backend.
 * @param isUnhurried as in {@link Switch}
 */
export async function turnTo(bed: CheckBed, to: Backend, isUnhurried = false): Promise<void> {
  await changeConfiguration(bed.cluster, bed.config(to));
  if (!isUnhurried) await nudgeKubelets(bed.cluster);
  await untilCarriedBy(bed.cluster, to.Type, bed.signal);
}
