/**
 * One cluster with flannel nodes: what a node publishes through the API server is what flannel would have left there, from
 * the network configuration to the bytes of the patch, and what flannel has left is read.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { BACKENDS } from "../../backends/registry.ts";
import { offerReader } from "../../src/agent/offer-reader.ts";
import { activateBackend, offersOf } from "../../src/agent/switch-over/active-backend.ts";
import { choosePath } from "../../src/agent/switch-over/path-choice.ts";
import { accept } from "../../src/lease/accept.ts";
import { parseIpv4Prefix, parseMac } from "../../src/net/index.ts";
import type { JsonObject } from "../../src/runtime/json.ts";
import { KubeBed, PREFIX, prefixed } from "../support/kube-api/kube-bed.ts";
import { nodeObject } from "../support/kube-api/node-object.ts";
import { network, request } from "../support/lease-fixtures.ts";
import { sampleNode, vtepIdentity } from "../support/sample-node.ts";

let bed: KubeBed;
beforeAll(async () => {
  bed = await KubeBed.start();
});
afterAll(() => bed.teardown());
afterEach(() => bed.clear());
const { signal } = new AbortController();

type Families = "v4" | "v6" | "dual";

function config(families: Families, Backend: JsonObject) {
  const v4 = families === "v6" ? { EnableIPv4: false } : { Network: "10.244.0.0/16" };
  const v6 = families === "v4" ? {} : { EnableIPv6: true, IPv6Network: "fd00:10:244::/48" };
  return network({ ...v4, ...v6, Backend });
}

/** A host whose MAC addresses somebody spelled in capitals. */
function host(families: Families) {
  const { publicIps, iface, ...rest } = sampleNode();
  const ips = { v4: families === "v6" ? null : publicIps.v4, v6: families === "v4" ? null : publicIps.v6 };
  return {
    ...rest,
    iface: { ...iface, ips },
    publicIps: ips,
    identities: vtepIdentity({ v4: parseMac("0E:52:A1:00:00:07"), v6: parseMac("0E:52:A1:00:00:08") }),
  };
}

const POD_CIDRS: Readonly<Record<Families, readonly string[]>> = {
  v4: ["10.244.1.0/24"],
  v6: ["fd00:10:244:1::/64"],
  dual: ["10.244.1.0/24", "fd00:10:244:1::/64"],
};

/** Has the node publish what a daemon with this configuration would. */
async function publish(families: Families, backend: JsonObject): Promise<void> {
  const activated = activateBackend(config(families, backend));
  const here = host(families);
  const content = { publicIps: here.publicIps, offers: offersOf([activated], here) };
  await (await bed.store("n1")).acquire(request(config(families, backend), content), signal);
}

const V4 = { "public-ip": "198.18.1.1" };
const V6 = { "public-ipv6": "fd00:198:18::101" };
const VTEP_V4 = { "backend-data": '{"VNI":1,"VtepMAC":"0e:52:a1:00:00:07"}' };
const VTEP_V6 = { "backend-v6-data": '{"VNI":1,"VtepMAC":"0e:52:a1:00:00:08"}' };
const of = (type: string) => ({ "backend-type": type, "kube-subnet-manager": "true" });

/** As flannel's AcquireLease leaves them on a node that had none. */
const GOLDEN: readonly (readonly [string, Families, JsonObject, Readonly<Record<string, string>>])[] = [
  ["vxlan", "v4", { Type: "vxlan" }, { ...of("vxlan"), ...VTEP_V4, ...V4 }],
  ["vxlan", "dual", { Type: "vxlan" }, { ...of("vxlan"), ...VTEP_V4, ...V4, ...VTEP_V6, ...V6 }],
  ["vxlan", "v6", { Type: "vxlan" }, { ...of("vxlan"), ...VTEP_V6, ...V6 }],
  [
    "vxlan with a VNI",
    "v4",
    { Type: "vxlan", VNI: 7, Port: 4789 },
    { ...of("vxlan"), "backend-data": '{"VNI":7,"VtepMAC":"0e:52:a1:00:00:07"}', ...V4 },
  ],
  [
    "vxlan, routing directly",
    "v4",
    { Type: "vxlan", DirectRouting: true },
    { ...of("vxlan"), ...VTEP_V4, ...V4 },
  ],
  ["host-gw", "v4", { Type: "host-gw" }, { ...of("host-gw"), "backend-data": "null", ...V4 }],
  [
    "host-gw",
    "dual",
    { Type: "host-gw" },
    { ...of("host-gw"), "backend-data": "null", ...V4, "backend-v6-data": "null", ...V6 },
  ],
  [
    "host-gw",
    "v6",
    { Type: "host-gw" },
    { ...of("host-gw"), "backend-data": "null", "public-ip": "0.0.0.0", "backend-v6-data": "null", ...V6 },
  ],
  ["udp", "v4", { Type: "udp" }, { ...of(""), "backend-data": "null", ...V4 }],
];

describe("on a node without annotations", () => {
  test.each(GOLDEN)("%s, %s, leaves flannel's", async (_name, families, backend, expected) => {
    await bed.api.create(nodeObject("n1", { podCidrs: POD_CIDRS[families] }));
    await publish(families, backend);
    const ours = Object.entries(await bed.annotations("n1")).filter(([name]) => !name.startsWith("tweed-"));
    expect(Object.fromEntries(ours)).toEqual(expected);
    const patches = bed.api.front.seen.filter(({ method }) => method === "PATCH");
    expect(patches.map(({ url }) => url)).toEqual(["/api/v1/nodes/n1/status"]);
    const { metadata, ...rest } = JSON.parse(patches[0]?.body ?? "") as { metadata: JsonObject };
    expect(rest).toEqual({});
    expect(metadata).toEqual({ annotations: expect.objectContaining(prefixed(expected)) });
  });
});

describe("on a node that flannel has annotated", () => {
  test.each(GOLDEN.filter(([name]) => !name.includes("directly")))(
    "%s, %s, changes nothing and sends nothing",
    async (_name, families, backend, expected) => {
      const annotations = prefixed(expected);
      await bed.api.create(nodeObject("n1", { podCidrs: POD_CIDRS[families], annotations }));
      await publish(families, backend);
      expect(await bed.annotations("n1")).toEqual(expected);
      expect(bed.api.front.seen.some(({ method }) => method === "PATCH")).toBe(false);
    },
  );

  test("sends only what differs", async () => {
    const annotations = prefixed({ ...of("vxlan"), ...VTEP_V4, "public-ip": "198.18.1.9" });
    await bed.api.create(nodeObject("n1", { podCidrs: POD_CIDRS.v4, annotations }));
    await publish("v4", { Type: "vxlan" });
    const patch = bed.api.front.seen.find(({ method }) => method === "PATCH");
    expect(JSON.parse(patch?.body ?? "")).toEqual({ metadata: { annotations: prefixed(V4) } });
  });

  test("publishes the operator's addresses in place of those that were detected", async () => {
    const overwrite = { "public-ip-overwrite": "203.0.113.7", "public-ipv6-overwrite": "2001:db8::7" };
    const annotations = prefixed(overwrite);
    await bed.api.create(nodeObject("n1", { podCidrs: POD_CIDRS.dual, annotations }));
    await publish("dual", { Type: "vxlan" });
    const published = { "public-ip": "203.0.113.7", "public-ipv6": "2001:db8::7" };
    // What it sends from is told beside, for the packet filters of peers.
    const sources = { "tweed-data": JSON.stringify({ sources: ["198.18.1.1", "fd00:198:18::101"] }) };
    const expected = { ...of("vxlan"), ...VTEP_V4, ...VTEP_V6, ...published, ...overwrite, ...sources };
    expect(await bed.annotations("n1")).toEqual(expected);
  });
});

describe("among flannel nodes", () => {
  const peer = (number: number, annotations: Readonly<Record<string, string>>, podCidrs: readonly string[]) =>
    bed.api.create(
      nodeObject(`n${number}`, {
        podCidrs,
        annotations: prefixed({ "kube-subnet-manager": "true", ...annotations }),
      }),
    );

  test("each is reached by the one type that it names, in the families that it has", async () => {
    const vtep = (last: string) => `{"VNI":1,"VtepMAC":"5a:00:00:00:00:${last}"}`;
    const at = (number: number) => ({ "public-ip": `198.18.1.${number}` });
    const cidr = (number: number) => `10.244.${number}.0/24`;
    await peer(2, { "backend-type": "vxlan", "backend-data": vtep("02"), ...at(2) }, [cidr(2)]);
    await peer(3, { "backend-type": "host-gw", "backend-data": "null", ...at(3) }, [cidr(3)]);
    await peer(4, { "backend-type": "", "backend-data": "null", ...at(4) }, [cidr(4)]);
    const wireguard = { "backend-type": "wireguard", "backend-data": '{"PublicKey":"a","Port":51820}' };
    await peer(5, { ...wireguard, ...at(5) }, [cidr(5)]);
    await peer(6, { "backend-type": "host-gw", "backend-data": "null", ...at(6) }, [cidr(6), "fd00:6::/64"]);
    const offers = '[{"BackendType":"host-gw"}]';
    const ours = { "backend-type": "vxlan", "backend-data": vtep("07"), "tweed-offers": offers };
    await peer(7, { ...ours, ...at(7) }, [cidr(7)]);
    const reader = bed.reader(await bed.store("n1"));
    await reader.untilKeys(["n2", "n3", "n4", "n5", "n6", "n7"]);

    const own = ["host-gw", "vxlan", "udp"].map((Type) => activateBackend(config("v4", { Type })));
    const { peers } = accept(reader.latest ?? { leases: [], junk: [] }, {
      rules: { v4: { network: parseIpv4Prefix("10.244.0.0/16"), subnetLength: null }, v6: null },
      own: {
        key: "n1",
        subnets: { v4: parseIpv4Prefix(cidr(1)), v6: null },
        publicIps: host("v4").publicIps,
      },
      read: offerReader(BACKENDS),
      refuse: () => null,
      holders: null,
    });
    const paths = peers.map((each) => [
      each.lease.key,
      each.lease.subnets.v4,
      choosePath(own, each)?.backend.type,
    ]);
    expect(paths.sort()).toEqual([
      ["n2", cidr(2), "vxlan"],
      ["n3", cidr(3), "host-gw"],
      ["n4", cidr(4), "udp"],
      ["n5", cidr(5), undefined],
      ["n6", cidr(6), "host-gw"],
      ["n7", cidr(7), "vxlan"],
    ]);
  });

  test("one that takes a node back leaves a lease of its own type only", async () => {
    const ours = { "backend-type": "vxlan", ...VTEP_V4, ...V4 };
    await peer(2, ours, POD_CIDRS.v4);
    const reader = bed.reader(await bed.store("n1"));
    await reader.until(({ leases }) => leases[0]?.offers.length === 1);
    const changed = prefixed({ "backend-type": "host-gw", "backend-data": "null" });
    await bed.api.patch("n2", { metadata: { annotations: changed } });
    await reader.until(({ leases }) => leases[0]?.offers[0].type === "host-gw");
    expect(reader.latest?.leases[0]?.offers).toEqual([{ type: "host-gw", data: { v4: null, v6: null } }]);
    await bed.api.patch("n2", { metadata: { annotations: { [`${PREFIX}kube-subnet-manager`]: null } } });
    await reader.untilKeys([]);
  });
});
