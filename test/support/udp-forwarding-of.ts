import type { UdpForwarding } from "../../backends/udp/forwarding.ts";
import type { NetworkPlan } from "../../src/agent/network-plan.ts";

/** The effect of a plan on the data plane of `udp`; null without one. */
export function udpForwardingOf({ effects }: Pick<NetworkPlan, "effects">): UdpForwarding | null {
  const planned = effects.find(({ type }) => type === "udp");
  return planned === undefined ? null : (planned.effect as UdpForwarding);
}
