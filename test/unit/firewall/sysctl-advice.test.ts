import { describe, expect, test } from "vitest";
import { adviseSysctls, type SysctlContext } from "../../../src/agent/firewall/sysctl-advice.ts";

const RIGHT: Readonly<Record<string, string>> = {
  "net/ipv4/ip_forward": "1",
  "net/ipv6/conf/all/forwarding": "1",
  "net/bridge/bridge-nf-call-iptables": "1",
  "net/bridge/bridge-nf-call-ip6tables": "1",
  "net/ipv4/conf/all/rp_filter": "0",
  "net/ipv4/conf/eth0/rp_filter": "0",
  "net/ipv4/conf/flannel.1/rp_filter": "2",
};
const SITUATION: SysctlContext = {
  families: ["v4", "v6"],
  peerInterfaces: ["eth0", "flannel.1"],
  writer: "iptables",
};

const advise = (values: Readonly<Record<string, string | null>>, situation: Partial<SysctlContext> = {}) => {
  const all = new Map<string, string | null>(Object.entries({ ...RIGHT, ...values }));
  return adviseSysctls({ ...SITUATION, ...situation }, (path) => all.get(path) ?? null);
};

test("a host where all is right hears nothing", () => {
  expect(advise({})).toEqual([]);
});

describe("forwarding", () => {
  test("that is off is named, with what to do", () => {
    expect(advise({ "net/ipv4/ip_forward": "0", "net/ipv6/conf/all/forwarding": "0" })).toEqual([
      expect.stringContaining('"sysctl -w net.ipv4.ip_forward=1"'),
      expect.stringContaining('"sysctl -w net.ipv6.conf.all.forwarding=1"'),
    ]);
  });
  test("of a family that is off does not matter", () => {
    expect(advise({ "net/ipv6/conf/all/forwarding": "0" }, { families: ["v4"] })).toEqual([]);
  });
  test("that cannot be read is not spoken of", () => {
    expect(advise({ "net/ipv4/ip_forward": null })).toEqual([]);
  });
});

describe("br_netfilter", () => {
  const absent = { "net/bridge/bridge-nf-call-iptables": null, "net/bridge/bridge-nf-call-ip6tables": null };
  test("that is not loaded is one warning", () => {
    expect(advise(absent)).toEqual([expect.stringContaining('"modprobe br_netfilter"')]);
  });
  test("that is switched off is named by family", () => {
    expect(advise({ "net/bridge/bridge-nf-call-ip6tables": "0" })).toEqual([
      expect.stringContaining("net.bridge.bridge-nf-call-ip6tables is not 1"),
    ]);
  });
  test.each(["nftables", null] as const)("with writer %s it is not asked for", (writer) => {
    expect(advise(absent, { writer })).toEqual([]);
  });
});

describe("reverse path check", () => {
  const all = "net/ipv4/conf/all/rp_filter";
  const own = "net/ipv4/conf/eth0/rp_filter";
  test.each([
    ["1", "0"],
    ["0", "1"],
    ["1", "1"],
  ])("strict (all=%s, device=%s) is named where peers have two ways", (ofAll, ofDevice) => {
    expect(advise({ [all]: ofAll, [own]: ofDevice })).toEqual([
      expect.stringContaining('"sysctl -w net/ipv4/conf/eth0/rp_filter=2"'),
    ]);
  });
  test.each([
    ["0", "0"],
    ["2", "1"],
    ["1", "2"],
  ])("all=%s, device=%s is right", (ofAll, ofDevice) => {
    expect(advise({ [all]: ofAll, [own]: ofDevice })).toEqual([]);
  });
  test.each([
    ["peers have one way", { peerInterfaces: ["eth0"] }],
    ["there is no IPv4", { families: ["v6"] as const }],
  ])("does not matter where %s", (_why, situation) => {
    expect(advise({ [own]: "1" }, situation)).toEqual([]);
  });
});
