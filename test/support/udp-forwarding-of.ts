import type { UdpForwarding } from "../../backends/udp/forwarding.ts";
import type { NetworkPlan } from "../../src/agent/network-plan.ts";

/** What a plan has the data plane of `udp` do; null for nothing. */
export function udpForwardingOf({ effects }: Pick<NetworkPlan, "effects">): UdpForwarding | null {
  const planned = effects.find(({ type }) => type === "udp");
  return planned === undefined ? null : (planned.effect as UdpForwarding);
}
