/** Each change of backend, by the config map only, under pings and requests. */
import type { CheckBed, ClusterCheck } from "./check.ts";
import { timed } from "./check.ts";
import { type Backend, changeConfiguration, nudgeKubelets, untilCarriedBy } from "./installation.ts";
import { expectNoLoss, formatLosses } from "./traffic.ts";

interface Switch {
  readonly to: Backend;
  readonly isShort?: true;
  /** Whether kubelets update the config map in the pods in their own time, up to some 90 s. */
  readonly awaitsKubelets?: true;
}

/** In this order, beginning with vxlan. */
const SWITCHES: readonly Switch[] = [
  { to: { Type: "host-gw" }, isShort: true },
  { to: { Type: "udp" }, isShort: true },
  { to: { Type: "vxlan" }, isShort: true },
  { to: { Type: "vxlan", DirectRouting: true } },
  { to: { Type: "udp" } },
  { to: { Type: "host-gw" }, awaitsKubelets: true },
  { to: { Type: "vxlan", VNI: 7, Port: 4789 } },
  { to: { Type: "host-gw" } },
  { to: { Type: "vxlan" } },
];

/** No switch may lose a packet, whichever backends it changes between. */
export const SWITCH_CHECKS: readonly ClusterCheck[] = SWITCHES.map(
  ({ to, isShort = false, awaitsKubelets = false }, index) => ({
    title: `${index + 1}. switch to ${describe(to)}, by config map alone`,
    isShort,
    run: (bed) => switchTo(bed, to, awaitsKubelets),
  }),
);

function describe({ Type, ...options }: Backend): string {
  return [Type, ...Object.entries(options).map(([key, value]) => `${key}=${value}`)].join(" ");
}

async function switchTo(bed: CheckBed, to: Backend, awaitsKubelets: boolean): Promise<string> {
  let took = "";
  const losses = await bed.losses(async () => {
    took = await timed(() => changeBackend(bed, to, awaitsKubelets));
  });
  expectNoLoss(losses);
  const pace = awaitsKubelets ? "the kubelets in their own time" : "the kubelets nudged";
  return `${took} from apply to the last node's turn, ${pace}; ${formatLosses(losses)}`;
}

/**
 * Changes only the config map. Resolves once each daemon sends by this backend.
 * @param awaitsKubelets as in {@link Switch}
 */
export async function changeBackend(bed: CheckBed, to: Backend, awaitsKubelets = false): Promise<void> {
  await changeConfiguration(bed.cluster, bed.config(to));
  if (!awaitsKubelets) await nudgeKubelets(bed.cluster);
  await untilCarriedBy(bed.cluster, to.Type, bed.signal);
}
