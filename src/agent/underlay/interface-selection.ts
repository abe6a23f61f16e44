/**
 * Chooses the interface that carries traffic between hosts, this node's address on it, and the address to publish. Pure
 * but for the kernel's route lookup, which is passed in.
 */
import type { LocalHost } from "../../../backends/backend.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { ObservedLink } from "../../kernel/observed.ts";
import { type DualIp, type Family, familyOf, type Ip } from "../../net/index.ts";
import { TweedError } from "../../runtime/error.ts";
import { egressMtu } from "./egress-mtu.ts";
import { type Candidate, proposeInterfaces, type SelectionRequest } from "./interface-candidates.ts";
import { describeAddresses, usableIps } from "./usable-addresses.ts";

export interface SelectedInterface extends Pick<LocalHost, "iface" | "publicIps"> {
  /** The flag or rule that decided: "--iface eth1", "IPv4 default route". */
  readonly rule: string;
  /**
   * Families of the network for which the interface has no usable address; their addresses are null. Never all of them:
   * families are independent, and the other one is used.
   */
  readonly missing: readonly { readonly family: Family; readonly reason: string }[];
  /** For the operator: rejected candidates, each with the reason. */
  readonly notes: readonly string[];
}

/** A node has one device for each pod; the physical ones, which matter, come first. */
const MAX_LINKS_LISTED = 24;

/**
 * The first candidate with an address in every family, else the first with an address in any.
 * @throws TweedError `no-interface` (retryable: addresses come and go) with each candidate's fault
 */
export async function selectInterface(
  request: SelectionRequest,
  routeTo: Kernel["routeTo"],
): Promise<SelectedInterface> {
  const faults: string[] = [];
  let partial: SelectedInterface | null = null;
  for await (const proposal of proposeInterfaces(request, routeTo)) {
    if ("reason" in proposal) {
      faults.push(`${proposal.rule}: ${proposal.reason}`);
      continue;
    }
    if (!proposal.link.isUp) {
      faults.push(`${proposal.rule}: ${proposal.link.name} is down`);
      continue;
    }
    const selected = evaluate(request, proposal, faults);
    const isUsable = selected.iface.mtuBytes > 0 && selected.missing.length < request.families.length;
    if (isUsable && selected.missing.length === 0) return selected;
    if (isUsable) partial ??= selected;
    const reasons = selected.missing.map((family) => family.reason);
    if (selected.iface.mtuBytes === 0) reasons.push(`the MTU of ${selected.iface.name} is 0`);
    faults.push(`${proposal.rule}: ${reasons.join(", ")}`);
  }
  if (partial !== null) return partial;
  throw new TweedError({
    code: "no-interface",
    operation: "choose the interface for traffic between hosts",
    reason: `${faults.join("; ")}. Set --iface to the name or an address of one of: ${describeLinks(request)}`,
    retryable: true,
  });
}

function evaluate(
  request: SelectionRequest,
  candidate: Candidate,
  notesSoFar: readonly string[],
): SelectedInterface {
  const { name } = candidate.link;
  const mtuBytes = mtuOf(request, candidate.link);
  const { addresses } = request.state;
  const { publicIps } = request.options;
  const usable = usableIps(addresses, name, request.preferences?.ips);
  const has = (family: Family) => request.families.includes(family);
  const ips: DualIp = {
    v4: has("v4") ? pickIp(candidate.ips.v4, publicIps.v4, usable.v4) : null,
    v6: has("v6") ? pickIp(candidate.ips.v6, publicIps.v6, usable.v6) : null,
  };
  const missing = request.families
    .filter((family) => ips[family] === null)
    .map((family) => ({ family, reason: describeMissing(request, name, family) }));
  return {
    iface: { name, mtuBytes, ips },
    publicIps: {
      v4: ips.v4 === null ? null : (publicIps.v4 ?? ips.v4),
      v6: ips.v6 === null ? null : (publicIps.v6 ?? ips.v6),
    },
    rule: candidate.rule,
    missing,
    notes: [...notesSoFar],
  };
}

/** No packet leaves the host by the loopback interface, so its MTU does not apply to other hosts. */
function mtuOf(request: SelectionRequest, link: ObservedLink): number {
  return link.isLoopback ? (egressMtu(request) ?? link.mtuBytes) : link.mtuBytes;
}

/**
 * The address that the rule names; else the published one if the interface has it, so that packets leave from the
 * address to which peers send (reverse-path filters and the filter of forged packets require that); else the best one.
 */
function pickIp<A extends Ip>(named: A | null, published: A | null, usable: readonly A[]): A | null {
  if (named !== null) return named;
  if (published !== null && usable.includes(published)) return published;
  return usable[0] ?? null;
}

function describeMissing(request: SelectionRequest, iface: string, family: Family): string {
  const ofFamily = request.state.addresses.filter((address) => familyOf(address.ip) === family);
  return `${iface} has no usable ${family === "v4" ? "IPv4" : "IPv6"} address (${describeAddresses(ofFamily, iface)})`;
}

function describeLinks(request: SelectionRequest): string {
  const links = request.state.links.filter((link) => !request.ownDevices.has(link.name));
  const texts = links
    .slice(0, MAX_LINKS_LISTED)
    .map((link) => `${link.name} (${describeAddresses(request.state.addresses, link.name)})`);
  const unlisted = links.length - texts.length;
  return texts.join(", ") + (unlisted > 0 ? ` and ${unlisted} more` : "");
}
