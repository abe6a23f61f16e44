import { describe, expect, it } from "vitest";
import { deviceOnLink } from "../../../backends/underlay.ts";
import { parseIp, parsePrefix } from "../../../src/net/index.ts";

const route = (dst: string, via: string | null, iface: string, metric = 0) => ({
  dst: parsePrefix(dst),
  via: via === null ? null : parseIp(via),
  iface,
  metric,
});

describe("deviceOnLink", () => {
  const underlay = [
    route("0.0.0.0/0", "192.0.2.1", "eth0"),
    route("192.0.2.0/24", null, "eth0"),
    route("192.0.2.128/25", "192.0.2.9", "eth0", 1024),
    route("198.51.100.0/24", "192.0.2.1", "eth0", 100),
    route("198.51.100.0/24", null, "eth1", 50),
    route("2001:db8::/64", null, "eth0", 256),
  ];
  it.each<[string, string | null, string]>([
    ["192.0.2.7", "eth0", "a connected network"],
    ["192.0.2.200", null, "a longer prefix behind a gateway"],
    ["203.0.113.1", null, "only the default route"],
    ["198.51.100.3", "eth1", "the lower metric"],
    ["2001:db8::7", "eth0", "IPv6"],
    ["2001:db8:1::7", null, "no route at all"],
  ])("%s: %s (%s)", (ip, device, _why) => {
    expect(deviceOnLink(parseIp(ip), underlay)).toBe(device);
    expect(deviceOnLink(parseIp(ip), underlay.toReversed())).toBe(device);
  });

  it("is none where the device has no Ethernet addresses, and a wider network does not stand in for it", () => {
    const tunnel = { ...route("192.0.2.0/24", null, "wg0"), isLayer3: true as const };
    const around = route("192.0.0.0/16", null, "eth0");
    expect(deviceOnLink(parseIp("192.0.2.7"), [around, tunnel])).toBeNull();
  });
});
