import { describe, expect, test } from "vitest";
import { adviseSysctls, type SysctlSituation } from "../../../src/kernel/firewall/sysctl-advice.ts";

const RIGHT: Readonly<Record<string, string>> = {
  "net/ipv4/ip_forward": "1",
  "net/ipv6/conf/all/forwarding": "1",
  "net/bridge/bridge-nf-call-iptables": "1",
  "net/bridge/bridge-nf-call-ip6tables": "1",
  "net/ipv4/conf/all/rp_filter": "0",
  "net/ipv4/conf/flannel.1/rp_filter": "0",
};
const SITUATION: SysctlSituation = { families: ["v4", "v6"], devices: ["flannel.1"], writer: "iptables" };

const advise = (
  values: Readonly<Record<string, string | null>>,
  situation: Partial<SysctlSituation> = {},
) => {
  const all = new Map<string, string | null>(Object.entries({ ...RIGHT, ...values }));
  return adviseSysctls({ ...SITUATION, ...situation }, (path) => all.get(path) ?? null);
};

test("a host where all is right hears nothing", () => {
  expect(advise({})).toEqual({ settings: [], warnings: [] });
});

describe("forwarding", () => {
  test("that is off is named, with what to do", () => {
    expect(advise({ "net/ipv4/ip_forward": "0", "net/ipv6/conf/all/forwarding": "0" }).warnings).toEqual([
      expect.stringContaining('"sysctl -w net.ipv4.ip_forward=1"'),
      expect.stringContaining('"sysctl -w net.ipv6.conf.all.forwarding=1"'),
    ]);
  });
  test("of a family that is off does not matter", () => {
    expect(advise({ "net/ipv6/conf/all/forwarding": "0" }, { families: ["v4"] }).warnings).toEqual([]);
  });
  test("that cannot be read is not spoken of", () => {
    expect(advise({ "net/ipv4/ip_forward": null }).warnings).toEqual([]);
  });
});

describe("br_netfilter", () => {
  const absent = { "net/bridge/bridge-nf-call-iptables": null, "net/bridge/bridge-nf-call-ip6tables": null };
  test("that is not loaded is one warning", () => {
    expect(advise(absent).warnings).toEqual([expect.stringContaining('"modprobe br_netfilter"')]);
  });
  test("that is switched off is named by family", () => {
    expect(advise({ "net/bridge/bridge-nf-call-ip6tables": "0" }).warnings).toEqual([
      expect.stringContaining("net.bridge.bridge-nf-call-ip6tables is not 1"),
    ]);
  });
  test.each(["nftables", null] as const)("with writer %s it is not asked for", (writer) => {
    expect(advise(absent, { writer }).warnings).toEqual([]);
  });
});

describe("reverse path check of our devices", () => {
  const path = "net/ipv4/conf/flannel.1/rp_filter";
  test.each([
    ["1", "0"],
    ["0", "1"],
    ["1", "1"],
  ])("strict (all=%s, device=%s) is loosened", (all, own) => {
    expect(advise({ "net/ipv4/conf/all/rp_filter": all, [path]: own }).settings).toEqual([
      { path, value: "2" },
    ]);
  });
  test.each([
    ["0", "0"],
    ["2", "1"],
    ["1", "2"],
  ])("all=%s, device=%s is left alone", (all, own) => {
    expect(advise({ "net/ipv4/conf/all/rp_filter": all, [path]: own }).settings).toEqual([]);
  });
  test("a device that is not there yet has nothing to set", () => {
    expect(advise({ "net/ipv4/conf/all/rp_filter": "1", [path]: null }).settings).toEqual([]);
  });
});
