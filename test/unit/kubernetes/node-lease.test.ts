import { describe, expect, it } from "vitest";
import {
  contentAnnotations,
  isManaged,
  leaseOf,
  missingAnnotations,
  operatorIps,
  overwritten,
  subnetsOf,
  unreadableAddresses,
} from "../../../src/lease/kubernetes/node-lease.ts";
import {
  excerptNode,
  type NodeRecord,
  readExcerpt,
  readOwnNode,
} from "../../../src/lease/kubernetes/node-record.ts";
import type { LeaseContent } from "../../../src/lease/lease.ts";
import { largeNodeObject, nodeObject } from "../../support/kube-api/node-object.ts";
import { content } from "../../support/lease-fixtures.ts";

const PREFIX = "flannel.alpha.coreos.com/";
const vtep = (last: string) => ({ VNI: 1, VtepMAC: `0e:52:a1:00:00:${last}` });
const offer = (type: string, v4: unknown = null, v6: unknown = null) =>
  ({ type, data: { v4, v6 } }) as LeaseContent["offers"][0];

/** Annotations that are there, without those that shall not be. */
function written(published: LeaseContent): Record<string, string> {
  const entries = Object.entries(contentAnnotations(published));
  return Object.fromEntries(entries.flatMap(([name, value]) => (value === null ? [] : [[name, value]])));
}

/** As flannel's subnet manager for Kubernetes leaves them on a node. */
const GOLDEN: readonly (readonly [string, LeaseContent, Record<string, string>])[] = [
  [
    "vxlan",
    content("192.0.2.1", null, offer("vxlan", vtep("07"))),
    {
      "backend-data": '{"VNI":1,"VtepMAC":"0e:52:a1:00:00:07"}',
      "backend-type": "vxlan",
      "kube-subnet-manager": "true",
      "public-ip": "192.0.2.1",
    },
  ],
  [
    "vxlan, dual-stack",
    content("192.0.2.1", "2001:db8::1", offer("vxlan", vtep("07"), vtep("08"))),
    {
      "backend-data": '{"VNI":1,"VtepMAC":"0e:52:a1:00:00:07"}',
      "backend-type": "vxlan",
      "backend-v6-data": '{"VNI":1,"VtepMAC":"0e:52:a1:00:00:08"}',
      "kube-subnet-manager": "true",
      "public-ip": "192.0.2.1",
      "public-ipv6": "2001:db8::1",
    },
  ],
  [
    "vxlan, IPv6 only",
    content(null, "2001:db8::1", offer("vxlan", null, vtep("08"))),
    {
      "backend-type": "vxlan",
      "backend-v6-data": '{"VNI":1,"VtepMAC":"0e:52:a1:00:00:08"}',
      "kube-subnet-manager": "true",
      "public-ipv6": "2001:db8::1",
    },
  ],
  [
    "host-gw",
    content("192.0.2.1", null, offer("host-gw")),
    {
      "backend-data": "null",
      "backend-type": "host-gw",
      "kube-subnet-manager": "true",
      "public-ip": "192.0.2.1",
    },
  ],
  [
    "host-gw, dual-stack",
    content("192.0.2.1", "2001:db8::1", offer("host-gw")),
    {
      "backend-data": "null",
      "backend-type": "host-gw",
      "backend-v6-data": "null",
      "kube-subnet-manager": "true",
      "public-ip": "192.0.2.1",
      "public-ipv6": "2001:db8::1",
    },
  ],
  [
    "host-gw, IPv6 only",
    content(null, "2001:db8::1", offer("host-gw")),
    {
      "backend-data": "null",
      "backend-type": "host-gw",
      "backend-v6-data": "null",
      "kube-subnet-manager": "true",
      "public-ip": "0.0.0.0",
      "public-ipv6": "2001:db8::1",
    },
  ],
  [
    "udp",
    content("192.0.2.1", null, offer("udp")),
    { "backend-data": "null", "backend-type": "", "kube-subnet-manager": "true", "public-ip": "192.0.2.1" },
  ],
];

const record = (
  annotations: Record<string, string>,
  podCidrs = ["10.244.1.0/24"],
  internalIps: readonly string[] = [],
): NodeRecord => ({ name: "n1", createdAtMs: 1000, podCidrs, annotations, internalIps });

describe("annotations", () => {
  it.each(GOLDEN)("of %s are flannel's, and are read back", (_name, published, annotations) => {
    expect(written(published)).toEqual(annotations);
    expect(leaseOf(record(annotations))).toMatchObject(published);
  });

  it("say which ones shall go", () => {
    const present = { "backend-type": "vxlan", "public-ip": "192.0.2.1", "public-ipv6": "2001:db8::1" };
    const wanted = contentAnnotations(content("192.0.2.1", null, offer("host-gw")));
    expect(missingAnnotations(present, wanted)).toEqual({
      "kube-subnet-manager": "true",
      "backend-type": "host-gw",
      "backend-data": "null",
      "public-ipv6": null,
    });
    expect(
      missingAnnotations(written(content("192.0.2.1")), contentAnnotations(content("192.0.2.1"))),
    ).toEqual({});
  });

  it("of further offers come back in order", () => {
    const published: LeaseContent = {
      ...content("192.0.2.1"),
      offers: [offer("host-gw"), offer("vxlan", vtep("07")), offer("udp")],
    };
    expect(leaseOf(record(written(published)))).toMatchObject(published);
  });

  it("say in one of ours what flannel's data does not", () => {
    const direct = { ...vtep("07"), DirectRouting: true };
    const published = content("192.0.2.1", "2001:db8::1", offer("vxlan", direct, vtep("08")));
    const annotations = written(published);
    expect(annotations).toMatchObject({
      "backend-data": '{"VNI":1,"VtepMAC":"0e:52:a1:00:00:07"}',
      "backend-v6-data": '{"VNI":1,"VtepMAC":"0e:52:a1:00:00:08"}',
      "tweed-data": '{"v4":{"DirectRouting":true}}',
    });
    expect(leaseOf(record(annotations))).toMatchObject(published);
  });

  it("say in the same one from which addresses a node behind NAT sends", () => {
    const behindNat = overwritten(content("192.168.1.5", null, offer("vxlan", vtep("07"))), {
      "public-ip-overwrite": "203.0.113.1",
    });
    const annotations = written(behindNat);
    expect(annotations).toMatchObject({
      "public-ip": "203.0.113.1",
      "tweed-data": '{"sources":["192.168.1.5"]}',
    });
    expect(leaseOf(record(annotations))).toMatchObject({
      publicIps: { v4: "203.0.113.1" },
      sourceIps: { v4: "192.168.1.5", v6: null },
    });
  });

  it("of flannel's behind NAT say nothing of that: the Node's internal address does", () => {
    const annotations = written(content("203.0.113.1", null, offer("vxlan", vtep("07"))));
    const sourcesOf = (...internalIps: string[]) =>
      leaseOf(record(annotations, undefined, internalIps)).sourceIps;
    expect(sourcesOf("192.168.1.5", "192.168.1.6")).toEqual({ v4: "192.168.1.5", v6: null });
    expect(sourcesOf("203.0.113.1")).toBeUndefined();
    expect(sourcesOf("junk", "fd00::5")).toBeUndefined();
  });

  it.each(["{oops", "[]", '{"v4":7}', '{"v4":{"VNI":2,"VtepMAC":"0e:52:a1:00:00:99"}}'])(
    "of ours that are %s change nothing of flannel's",
    (text) => {
      const annotations = written(content("192.0.2.1", null, offer("vxlan", vtep("07"))));
      const lease = leaseOf(record({ ...annotations, "tweed-data": text }));
      expect(lease.offers[0]).toEqual(offer("vxlan", vtep("07")));
    },
  );

  it("that are no JSON cost their family and not the lease", () => {
    const lease = leaseOf(
      record({ "public-ip": "192.0.2.1", "backend-type": "vxlan", "backend-data": "{oops" }),
    );
    expect(lease.offers[0]).toEqual({ type: "vxlan", data: { v4: "{oops", v6: null } });
  });

  it("that are too long are nobody's lease", () => {
    expect(() => leaseOf(record({ "backend-data": `"${"x".repeat(5000)}"` }))).toThrow(/at most 4096/);
  });
});

describe("an operator's annotations", () => {
  const annotations = {
    "public-ip-overwrite": "203.0.113.7",
    "public-ipv6-overwrite": "not an address",
    "node-public-ip": "2001:db8::7",
    "node-public-ipv6": "2001:db8::8",
  };

  it("replace what is published, of a family that is published", () => {
    const both = overwritten(content("192.0.2.1", "2001:db8::1"), annotations);
    expect(both.publicIps).toEqual({ v4: "203.0.113.7", v6: "2001:db8::1" });
    expect(overwritten(content(null, "2001:db8::1"), annotations).publicIps.v4).toBeNull();
  });

  it("are taken for their own family only, and named otherwise", () => {
    expect(operatorIps(annotations)).toEqual({ v4: null, v6: "2001:db8::8" });
    expect(unreadableAddresses(annotations)).toEqual({
      "public-ipv6-overwrite": "not an address",
      "node-public-ip": "2001:db8::7",
    });
  });
});

describe("podCIDRs", () => {
  it.each([
    [["10.244.1.0/24"], { v4: "10.244.1.0/24", v6: null }],
    [["fd00:0:0:1::/64", "10.244.1.0/24"], { v4: "10.244.1.0/24", v6: "fd00:0:0:1::/64" }],
    [["10.244.1.0/24", "10.244.2.0/24"], { v4: "10.244.1.0/24", v6: null }],
    [["10.244.1.7/24"], { v4: "10.244.1.0/24", v6: null }],
    [[], { v4: null, v6: null }],
  ])("%j are %o", (podCidrs, expected) => {
    expect(subnetsOf(podCidrs)).toEqual(expected);
  });

  it.each([[["junk"]], [["10.244.1.0/33"]], [["10.0.0.0/24", "10.0.1.0/24", "fd00::/64"]]])(
    "%j are refused",
    (podCidrs) => {
      expect(() => subnetsOf(podCidrs)).toThrow(/podCIDR/);
    },
  );
});

describe("a Node", () => {
  const excerpt = (node: object) => excerptNode(Buffer.from(JSON.stringify(node)), PREFIX);
  const node = largeNodeObject("n1", {
    podCidrs: ["10.244.1.0/24", "fd00:0:0:1::/64"],
    annotations: {
      [`${PREFIX}public-ip`]: "192.0.2.1",
      [`${PREFIX}kube-subnet-manager`]: "true",
      "other/a": "b",
    },
    createdAt: "2026-11-01T00:00:00Z",
  });

  it("is ten kilobytes, of which a lease needs little", () => {
    expect(JSON.stringify(node).length).toBeGreaterThan(9000);
    expect(excerpt(node).text.length).toBeLessThan(200);
    expect(readExcerpt(excerpt(node))).toEqual({
      name: "n1",
      createdAtMs: Date.UTC(2026, 10, 1),
      podCidrs: ["10.244.1.0/24", "fd00:0:0:1::/64"],
      annotations: { "public-ip": "192.0.2.1", "kube-subnet-manager": "true" },
      internalIps: [],
    });
  });

  it("has its internal addresses in it where an operator has others published, and only there", () => {
    const addresses = [
      { type: "Hostname", address: "n1" },
      { type: "InternalIP", address: "192.168.1.5" },
    ];
    const status = { ...(node.status as object), addresses };
    const overwritten = { annotations: { [`${PREFIX}public-ip-overwrite`]: "203.0.113.1" } };
    const behindNat = { ...nodeObject("n1", overwritten), status };
    expect(readExcerpt(excerpt(behindNat)).internalIps).toEqual(["192.168.1.5"]);
    expect(readExcerpt(excerpt({ ...node, status })).internalIps).toEqual([]);
    for (const junk of [null, 7, [null, 7], [{ type: "InternalIP" }]]) {
      const lease = leaseOf(readExcerpt(excerpt({ ...behindNat, status: { addresses: junk } })));
      expect(lease.sourceIps).toBeUndefined();
    }
  });

  it("has the same excerpt after a heartbeat, and another after a change", () => {
    expect(excerpt({ ...node, status: { conditions: [] } })).toEqual(excerpt(node));
    expect(excerpt({ ...node, spec: { podCIDR: "10.244.2.0/24" } }).text).not.toBe(excerpt(node).text);
  });

  it("may have other annotations behind a prefix that is shared: they are not read", () => {
    const shared = nodeObject("n1", {
      annotations: { "example.com/public-ip": "192.0.2.1", "example.com/inventory": "x".repeat(10_000) },
    });
    const record = readExcerpt(excerptNode(Buffer.from(JSON.stringify(shared)), "example.com/"));
    expect(record.annotations).toEqual({ "public-ip": "192.0.2.1" });
  });

  it("is no lease with an annotation of ours that is too long, which is not retained", () => {
    const large = nodeObject("n1", {
      annotations: { [`${PREFIX}kube-subnet-manager`]: "true", [`${PREFIX}tweed-data`]: "x".repeat(250_000) },
    });
    const found = excerpt(large);
    expect(found.text.length).toBeLessThan(5000);
    expect(() => leaseOf(readExcerpt(found))).toThrow("too large: at most 4096 bytes are read");
    // Our own is replaced, and removed where the lease has none.
    const { annotations } = readOwnNode(Buffer.from(JSON.stringify(large)), PREFIX);
    expect(missingAnnotations(annotations, { "tweed-data": null })).toEqual({ "tweed-data": null });
  });

  it("may have an annotation of the longest lease, however the API server escapes it", () => {
    const value = "<".repeat(4000);
    const text = JSON.stringify(nodeObject("n1", { annotations: { [`${PREFIX}backend-data`]: value } }));
    const escaped = Buffer.from(text.replaceAll("<", "\\u003c"));
    expect(readExcerpt(excerptNode(escaped, PREFIX)).annotations).toEqual({ "backend-data": value });
  });

  it("is read as far as its first 256 annotations with our prefix", () => {
    const others = Object.fromEntries(Array.from({ length: 254 }, (_, index) => [`${PREFIX}a${index}`, "x"]));
    const annotations = { ...others, "other/a": "b", [`${PREFIX}public-ip`]: "192.0.2.1" };
    const last = { [`${PREFIX}backend-type`]: "vxlan", [`${PREFIX}public-ipv6`]: "fd00::1" };
    const large = nodeObject("n1", { annotations: { ...annotations, ...last } });
    expect(readExcerpt(excerpt(large)).annotations).toEqual({
      "public-ip": "192.0.2.1",
      "backend-type": "vxlan",
    });
  });

  it("may lack everything", () => {
    const bare = readExcerpt(excerpt({ metadata: { name: "n1", annotations: null }, spec: {} }));
    expect(bare).toEqual({
      name: "n1",
      createdAtMs: Number.MAX_SAFE_INTEGER,
      podCidrs: [],
      annotations: {},
      internalIps: [],
    });
    expect(isManaged(bare)).toBe(false);
  });

  it("of our own tells its condition too", () => {
    const own = (status: object) =>
      readOwnNode(Buffer.from(JSON.stringify({ ...nodeObject("n1"), status })), PREFIX);
    expect(own({}).networkUnavailable).toBeNull();
    const conditions = [
      { type: "Ready" },
      { type: "NetworkUnavailable", status: "True", reason: "NoRouteCreated" },
    ];
    expect(own({ conditions }).networkUnavailable).toEqual({ status: "True", reason: "NoRouteCreated" });
  });
});
