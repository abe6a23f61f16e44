import { expect, test } from "vitest";
import {
  clusterCidrs,
  controlPlaneHost,
  dnsServiceIp,
  firstIp,
  ipsOf,
  kubernetesServiceIps,
  nodeHost,
  serviceCidrs,
  switchIps,
  urlHost,
} from "../../cluster/address-plan.ts";

test("a dual-stack cluster has both families of everything, IPv4 first", () => {
  expect(ipsOf(nodeHost("dual", 12).ips)).toEqual(["198.18.1.12", "fd00:198:18::1:c"]);
  expect(clusterCidrs("dual")).toEqual(["10.244.0.0/16", "fd00:10:244::/48"]);
  expect(serviceCidrs("dual")).toEqual(["10.96.0.0/16", "fd00:10:96::/112"]);
  expect(kubernetesServiceIps("dual")).toEqual(["10.96.0.1", "fd00:10:96::1"]);
  expect(dnsServiceIp("dual")).toBe("10.96.0.10");
});

test("a cluster of one family has nothing of the other", () => {
  expect(switchIps("v4")).toEqual({ v4: "198.18.0.1", v6: null });
  expect(nodeHost("v6", 1).ips).toEqual({ v4: null, v6: "fd00:198:18::1:1" });
  expect(clusterCidrs("v6")).toEqual(["fd00:10:244::/48"]);
  expect(dnsServiceIp("v6")).toBe("fd00:10:96::a");
});

test("no two hosts share an address or a MAC", () => {
  const numbers = Array.from({ length: 50 }, (_, index) => index + 1);
  const hosts = [controlPlaneHost("dual"), ...numbers.map((number) => nodeHost("dual", number))];
  const all = [
    ...hosts.flatMap(({ ips, mac, name }) => [...ipsOf(ips), mac, name]),
    ...ipsOf(switchIps("dual")),
  ];
  expect(new Set(all).size).toBe(all.length);
});

test("names fit a network device's 15 characters, for they are the switch's ports", () => {
  expect(controlPlaneHost("v4").name.length).toBeLessThanOrEqual(15);
});

test("an IPv6 address stands in brackets in a URL", () => {
  expect(urlHost(firstIp(controlPlaneHost("v6").ips))).toBe("[fd00:198:18::2]");
  expect(urlHost(firstIp(controlPlaneHost("dual").ips))).toBe("198.18.0.2");
});
