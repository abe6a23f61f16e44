import { describe, expect, test } from "vitest";
import { isSameContent, isSameOffers, type LeaseContent, sourcesBeside } from "../../../src/lease/lease.ts";
import { type DualIp, parseIpv4, parseIpv6 } from "../../../src/net/index.ts";
import { content, VXLAN } from "../../support/lease-fixtures.ts";

const HOST_GW = { type: "host-gw", data: { v4: null, v6: null } };
const published = content("192.0.2.1", "2001:db8::1");
const [ip4, ip6] = [parseIpv4("192.168.1.5"), parseIpv6("fd00::5")];

describe("two contents are the same", () => {
  test("where they publish the same, whatever else the objects have", () => {
    const read: LeaseContent = { ...structuredClone(published), sourceIps: { v4: null, v6: null } };
    expect(isSameContent(published, read)).toBe(true);
    expect(isSameContent(published, Object.assign(structuredClone(published), { key: "x" }))).toBe(true);
  });

  test.for<[string, LeaseContent]>([
    ["address", content("192.0.2.2", "2001:db8::1")],
    ["IPv6 address", content("192.0.2.1", "2001:db8::2")],
    ["source address", { ...published, sourceIps: { v4: ip4, v6: null } }],
    ["offer", { ...published, offers: [HOST_GW] }],
    ["offers", { ...published, offers: [VXLAN, HOST_GW] }],
  ])("not with another %s", ([_, other]) => {
    expect(isSameContent(published, other)).toBe(false);
  });

  test("in their offers, whatever addresses they have", () => {
    expect(isSameOffers(published, content("192.0.2.2"))).toBe(true);
    expect(isSameOffers(published, { ...published, offers: [HOST_GW] })).toBe(false);
  });
});

describe("a node publishes the addresses that it sends from", () => {
  const [public4, public6] = [published.publicIps.v4, published.publicIps.v6];
  test.for<[string, DualIp, DualIp, DualIp | undefined]>([
    ["not where it publishes them", { v4: public4, v6: public6 }, { v4: public4, v6: public6 }, undefined],
    ["behind NAT", { v4: public4, v6: null }, { v4: ip4, v6: null }, { v4: ip4, v6: null }],
    ["behind NAT of IPv6", { v4: public4, v6: public6 }, { v4: public4, v6: ip6 }, { v4: null, v6: ip6 }],
    ["behind NAT of both", { v4: public4, v6: public6 }, { v4: ip4, v6: ip6 }, { v4: ip4, v6: ip6 }],
    [
      "not of a family that it does not publish",
      { v4: null, v6: public6 },
      { v4: ip4, v6: public6 },
      undefined,
    ],
    ["not of the other either", { v4: public4, v6: null }, { v4: public4, v6: ip6 }, undefined],
    ["not of a family without an address", { v4: public4, v6: public6 }, { v4: null, v6: null }, undefined],
  ])("%s", ([_, publicIps, ips, sourceIps]) => {
    expect(sourcesBeside(publicIps, ips)).toEqual(sourceIps === undefined ? {} : { sourceIps });
  });
});
