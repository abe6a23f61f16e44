/** Backends with their options bound: what they publish, and whose data they understand. */
import { describe, expect, it } from "vitest";
import {
  type ActiveBackend,
  activateBackend,
  checkHost,
  enabledFamilies,
  isOffered,
  isSuitable,
  offersOf,
  ownPlan,
} from "../../../src/agent/switch-over/active-backend.ts";
import { advertiserOn } from "../../../src/agent/switch-over/host-advertiser.ts";
import { parseNetworkConfig } from "../../../src/config/network-config.ts";
import type { BackendData } from "../../../src/lease/lease.ts";
import { parseIpv4 } from "../../../src/net/index.ts";
import type { JsonObject } from "../../../src/runtime/json.ts";
import { sampleNode, samplePeer } from "../../support/sample-node.ts";

const DUAL = { IPv6Network: "fd00:10:244::/48", EnableIPv6: true };
const configOf = (backend: JsonObject, more: JsonObject = DUAL) =>
  parseNetworkConfig(JSON.stringify({ Network: "10.244.0.0/16", ...more, Backend: backend }), "test");
const backend = (options: JsonObject) => activateBackend(configOf(options));
const VXLAN = backend({ Type: "vxlan" });
const SEVEN = backend({ Type: "vxlan", VNI: 7 });
const HOST_GW = backend({ Type: "host-gw" });
const NODE = sampleNode();
/** Behind NAT, which host-gw cannot cross. */
const NATTED = { ...NODE, publicIps: { v4: parseIpv4("203.0.113.1"), v6: NODE.publicIps.v6 } };

const vtep = { VNI: 1, VtepMAC: "02:00:00:00:04:01" };
const data = (v4: BackendData["v4"], v6: BackendData["v6"]): BackendData => ({ v4, v6 });

describe("an active backend", () => {
  it("is bound to the options of the configuration", () => {
    expect(SEVEN).toMatchObject({ type: "vxlan", channel: "vxlan 7", options: { VNI: 7 } });
    expect(ownPlan(SEVEN, NODE)).toEqual(SEVEN.plan(NODE, { carried: [], standby: [], senders: [] }));
    expect(ownPlan(SEVEN, NODE).state.links.map(({ name }) => name)).toEqual(["flannel.7", "flannel-v6.7"]);
  });

  it("finds an earlier value of its identities in data and on devices", () => {
    const [mac] = SEVEN.identities;
    expect(mac).toMatchObject({ kind: "mac", name: "vtep" });
    expect(mac?.device("v4")).toBe("flannel.7");
    expect(mac?.device("v6")).toBe("flannel-v6.7");
    expect(mac?.published(data(vtep, null), "v4")).toBe("02:00:00:00:04:01");
    expect(mac?.published(data(vtep, null), "v6")).toBeNull();
    expect(HOST_GW.identities).toEqual([]);
  });

  it.each<[string, BackendData, boolean]>([
    ["of both families", data(vtep, vtep), true],
    ["of IPv4 alone", data(vtep, null), true],
    ["of IPv6 alone", data(null, vtep), true],
    ["that is valid in IPv6 alone", data("junk", vtep), true],
    ["that is invalid", data("junk", "junk"), false],
    ["of another VNI", data({ ...vtep, VNI: 7 }, { ...vtep, VNI: 7 }), false],
    ["of another VNI in one family", data({ ...vtep, VNI: 7 }, vtep), true],
  ])("understands data %s", (_, published, isUnderstood) => {
    expect(VXLAN.understands(published)).toBe(isUnderstood);
    const offers = [{ type: "vxlan", data: published }] as const;
    expect(isOffered(VXLAN, { offers: [...offers] })).toBe(isUnderstood);
  });

  it("is offered where one offer is of its type and on its channel", () => {
    const [own, other, gateway] = [VXLAN, SEVEN, HOST_GW].map((each) => offersOf([each], NODE)[0]);
    if (own === undefined || other === undefined || gateway === undefined) throw new Error("offers");
    expect(isOffered(VXLAN, { offers: [gateway, own] })).toBe(true);
    expect(isOffered(VXLAN, { offers: [gateway, other] })).toBe(false);
    expect(isOffered(VXLAN, { offers: [{ ...own, type: "ipip" }] })).toBe(false);
  });

  it("recognises its channel in a peer's parsed data, in either family", () => {
    const { v4, v6 } = samplePeer(2).data;
    const pairs = [
      { v4, v6 },
      { v4, v6: null },
      { v4: null, v6 },
    ];
    expect(pairs.map((each) => VXLAN.isOnChannel(each))).toEqual([true, true, true]);
    expect(pairs.map((each) => SEVEN.isOnChannel(each))).toEqual([false, false, false]);
    expect(pairs.map((each) => SEVEN.channelOf(each))).toEqual(["vxlan 1", "vxlan 1", "vxlan 1"]);
    expect(VXLAN.isOnChannel({ v4: null, v6: null })).toBe(false);
  });

  it("refuses a host that it cannot work on, with the reason", () => {
    expect([isSuitable(HOST_GW, NODE), isSuitable(HOST_GW, NATTED)]).toEqual([true, false]);
    expect(() => checkHost(HOST_GW, NODE)).not.toThrow();
    expect(() => checkHost(HOST_GW, NATTED)).toThrow(
      expect.objectContaining({
        code: "unsuitable-host",
        operation: "set up backend host-gw",
        message: expect.stringContaining("host-gw cannot cross NAT"),
      }),
    );
  });

  it("has the families that are enabled", () => {
    expect(enabledFamilies(configOf({ Type: "vxlan" }))).toEqual(["v4", "v6"]);
    expect(enabledFamilies(configOf({ Type: "vxlan" }, {}))).toEqual(["v4"]);
  });
});

describe("what a host publishes", () => {
  const types = (backends: readonly ActiveBackend[]) =>
    advertiserOn(NODE)
      .contentOf(backends)
      .offers.map(({ type }) => type);

  it("names the backends in their order, and at least one", () => {
    expect(types([HOST_GW, VXLAN])).toEqual(["host-gw", "vxlan"]);
    expect(() => types([])).toThrow("a node has at least one backend");
  });

  it("has the addresses that it sends from where they differ from the published ones", () => {
    const offers = offersOf([VXLAN], NODE);
    expect(advertiserOn(NODE).contentOf([VXLAN])).toEqual({ publicIps: NODE.publicIps, offers });
    expect(advertiserOn(NATTED).contentOf([VXLAN])).toEqual({
      publicIps: NATTED.publicIps,
      sourceIps: { v4: NODE.iface.ips.v4, v6: null },
      offers: offersOf([VXLAN], NATTED),
    });
  });

  it("does not include backends that do not work on it", () => {
    expect([HOST_GW, VXLAN].map((each) => advertiserOn(NATTED).supports(each))).toEqual([false, true]);
    expect(advertiserOn(NODE).supports(HOST_GW)).toBe(true);
  });
});
