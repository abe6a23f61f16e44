import { describe, expect, it } from "vitest";
import { type CniNetwork, conflistText, isOwnConflist } from "../../../../src/agent/cni/conflist.ts";
import { DEFAULT_TEMPLATE, parseTemplate } from "../../../../src/agent/cni/template.ts";
import { parseIpv4Prefix, parseIpv6Prefix } from "../../../../src/net/index.ts";
import type { JsonObject } from "../../../../src/runtime/json.ts";

const DUAL: CniNetwork = {
  subnets: { v4: parseIpv4Prefix("10.244.3.0/24"), v6: parseIpv6Prefix("fd00:10:244:3::/64") },
  mtuBytes: 1450,
};

/** The interface plugin as it is written for a template with this one. */
function filled(plugin: JsonObject, network = DUAL): JsonObject {
  const list = { cniVersion: "1.0.0", name: "pods", plugins: [plugin] };
  const text = conflistText(parseTemplate(JSON.stringify(list), "template"), network);
  return (JSON.parse(text) as { plugins: [JsonObject] }).plugins[0];
}

describe("the daemon's own list", () => {
  it("has bridge, host-local with both subnets, and portmap", () => {
    expect(JSON.parse(conflistText(DEFAULT_TEMPLATE, DUAL))).toEqual({
      cniVersion: "0.3.1",
      name: "cbr0",
      managedBy: "tweed",
      plugins: [
        {
          type: "bridge",
          bridge: "cni0",
          isGateway: true,
          hairpinMode: true,
          ipMasq: false,
          mtu: 1450,
          ipam: {
            type: "host-local",
            ranges: [[{ subnet: "10.244.3.0/24" }], [{ subnet: "fd00:10:244:3::/64" }]],
            routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }],
          },
        },
        { type: "portmap", capabilities: { portMappings: true } },
      ],
    });
  });

  it.each([
    ["v4", "10.244.3.0/24", "0.0.0.0/0"],
    ["v6", "fd00:10:244:3::/64", "::/0"],
  ] as const)("leaves out what there is not: only %s", (family, subnet, dst) => {
    const only = { ...DUAL, subnets: { v4: null, v6: null, [family]: DUAL.subnets[family] } };
    expect(filled({ type: "bridge" }, only).ipam).toEqual({
      type: "host-local",
      ranges: [[{ subnet }]],
      routes: [{ dst }],
    });
  });
});

describe("a template", () => {
  it("keeps what it says", () => {
    const plugin = {
      type: "ptp",
      mtu: 1300,
      ipam: { type: "host-local", ranges: [[{ subnet: "10.1.0.0/24" }]], routes: [] },
    };
    expect(filled(plugin)).toEqual(plugin);
  });

  it("is filled in beside what it says", () => {
    expect(filled({ type: "bridge", MTU: 1300, ipam: { dataDir: "/var/x", subnet: "10.1.0.0/24" } })).toEqual(
      {
        type: "bridge",
        MTU: 1300,
        ipam: {
          type: "host-local",
          dataDir: "/var/x",
          subnet: "10.1.0.0/24",
          routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }],
        },
      },
    );
  });

  it("keeps an address management of its own", () => {
    expect(filled({ type: "macvlan", ipam: { type: "dhcp" } })).toEqual({
      type: "macvlan",
      mtu: 1450,
      ipam: { type: "dhcp" },
    });
  });

  it("may have flannel's plugin, which reads the subnet file", () => {
    const plugin = { type: "flannel", delegate: { hairpinMode: true, isDefaultGateway: true } };
    expect(filled(plugin)).toEqual(plugin);
  });
});

describe("isOwnConflist", () => {
  it("knows what a daemon wrote, from any template", () => {
    const foreign = JSON.stringify(DEFAULT_TEMPLATE.list);
    expect(isOwnConflist(conflistText(DEFAULT_TEMPLATE, DUAL))).toBe(true);
    for (const text of [foreign, "", "{", "null", "[]", '"tweed"']) expect(isOwnConflist(text)).toBe(false);
  });
});
