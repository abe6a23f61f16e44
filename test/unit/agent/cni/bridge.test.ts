import { describe, expect, it } from "vitest";
import type { ObservedBridge } from "../../../../src/agent/cni/bridge.ts";
import { type BridgeContext, findBridge, inspectBridge } from "../../../../src/agent/cni/bridge.ts";
import { parseCidr, parseIpv4Prefix, parseIpv6Prefix, parsePrefix } from "../../../../src/net/index.ts";
import { FakeKernel } from "../../../support/fake-kernel.ts";

const CONTEXT: BridgeContext = {
  subnets: { v4: parseIpv4Prefix("10.244.7.0/24"), v6: parseIpv6Prefix("fd00:10:244:7::/64") },
  networks: ["10.244.0.0/16", "fd00:10:244::/48"].map(parsePrefix),
  isOurConf: true,
};

/** cni0 with these addresses, its ports forwarding or not. */
function bridge(addresses: readonly string[], state: { pods: boolean; up?: boolean }): ObservedBridge {
  const kernel = new FakeKernel();
  kernel.addDevice("cni0", { kind: "bridge", up: state.up ?? true });
  for (const text of addresses) {
    const { ip, length } = parseCidr(text);
    kernel.execute({ op: "add-address", address: { iface: "cni0", ip, length } });
  }
  kernel.alterLink("cni0", (link) => ({ ...link, hasCarrier: state.pods }));
  const found = findBridge(kernel.snapshot());
  if (found === null) throw new Error("no bridge");
  return found;
}

function verdict(observed: ObservedBridge, context: Partial<BridgeContext> = {}) {
  const { leftovers, fault } = inspectBridge(observed, { ...CONTEXT, ...context });
  return { leftovers: leftovers.map(({ ip, length }) => `${ip}/${length}`), fault };
}

const RIGHT = ["10.244.7.1/24", "fd00:10:244:7::1/64"];
const STALE = ["10.244.3.1/24", "fd00:10:244:3::1/64"];
const FINE = { leftovers: [], fault: null };

describe("findBridge", () => {
  it("takes no other device for it", () => {
    const kernel = new FakeKernel();
    kernel.addDevice("docker0", { kind: "bridge" });
    kernel.addDevice("cni0", { kind: "dummy" });
    expect(findBridge(kernel.snapshot())).toBeNull();
  });
});

describe("a bridge", () => {
  it("with the gateways of the subnets is fine, and so is one without addresses yet", () => {
    expect(verdict(bridge(RIGHT, { pods: true }))).toEqual(FINE);
    expect(verdict(bridge([], { pods: false }))).toEqual(FINE);
  });

  it.each([
    ["its ports are gone", { pods: false }],
    ["it is down", { pods: true, up: false }],
  ])("is freed of an earlier subnet's addresses when %s", (_title, state) => {
    expect(verdict(bridge(STALE, state))).toEqual({ leftovers: STALE, fault: null });
    expect(verdict(bridge([...RIGHT, ...STALE], state)).leftovers).toEqual(STALE);
  });

  it("keeps an earlier subnet's addresses while pods hang on it, and it is said what to do", () => {
    const { leftovers, fault } = verdict(bridge(STALE, { pods: true }));
    expect(leftovers).toEqual([]);
    expect(fault).toContain("cni0 has the address 10.244.3.1/24");
    expect(fault).toContain("kubectl drain");
  });

  it("may have another IPv6 prefix beside the subnet's, which the plugin suffers", () => {
    expect(verdict(bridge([...RIGHT, "fd00:10:244:3::1/64"], { pods: true }))).toEqual(FINE);
    expect(verdict(bridge(["fd00:10:244:7::9/64"], { pods: true })).fault).toContain("fd00:10:244:7::9/64");
  });

  it("with the gateway in another length is not fine", () => {
    expect(verdict(bridge(["10.244.7.1/16"], { pods: false })).leftovers).toEqual(["10.244.7.1/16"]);
  });

  it("keeps an address that is none of the network, with or without pods", () => {
    for (const pods of [true, false]) {
      const { leftovers, fault } = verdict(bridge(["192.168.9.1/24"], { pods }));
      expect(leftovers).toEqual([]);
      expect(fault).toContain("ip address delete 192.168.9.1/24 dev cni0");
    }
  });

  it("is somebody else's where the configuration is, but for addresses of the network", () => {
    const isOurConf = false;
    expect(verdict(bridge(["192.168.9.1/24"], { pods: true }), { isOurConf })).toEqual(FINE);
    expect(verdict(bridge(STALE, { pods: false }), { isOurConf }).leftovers).toEqual(STALE);
  });

  it("is not asked for a family that the node has no subnet of", () => {
    const subnets = { ...CONTEXT.subnets, v6: null };
    expect(verdict(bridge(["10.244.7.1/24", "2001:db8::1/64"], { pods: true }), { subnets })).toEqual(FINE);
  });
});
