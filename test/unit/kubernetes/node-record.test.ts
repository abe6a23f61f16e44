/** What is read of a Node that others wrote: each field where it is expected, and nothing of another kind. */
import { describe, expect, it } from "vitest";
import {
  contentAnnotations,
  internalIps,
  isManaged,
  leaseOf,
  overwritten,
  publishedIps,
  readable,
  subnetsOf,
  unreadableAddresses,
} from "../../../src/lease/kubernetes/node-lease.ts";
import {
  excerptNode,
  isOlderVersion,
  readExcerpt,
  readOwnNode,
} from "../../../src/lease/kubernetes/node-record.ts";
import { TweedError } from "../../../src/runtime/error.ts";
import { content, VXLAN } from "../../support/lease-fixtures.ts";

const PREFIX = "flannel.alpha.coreos.com/";
const bytesOf = (node: unknown) => Buffer.from(JSON.stringify(node));
const excerpt = (node: unknown) => excerptNode(bytesOf(node), PREFIX);
const read = (node: unknown) => readExcerpt(excerpt(node));
const own = (node: unknown) => readOwnNode(bytesOf(node), PREFIX);
const metadata = (more: object = {}) => ({ name: "n1", ...more });

describe("a podCIDR", () => {
  it.each<[object, readonly string[]]>([
    [{ podCIDR: "10.1.0.0/24" }, ["10.1.0.0/24"]],
    [{ podCIDR: "10.1.0.0/24", podCIDRs: [] }, ["10.1.0.0/24"]],
    [{ podCIDR: "10.1.0.0/24", podCIDRs: ["10.2.0.0/24"] }, ["10.2.0.0/24"]],
    [{ podCIDR: "10.1.0.0/24", podCIDRs: "10.2.0.0/24" }, ["10.1.0.0/24"]],
    [{ podCIDR: "10.1.0.0/24", podCIDRs: [7, null, "10.2.0.0/24"] }, ["10.2.0.0/24"]],
    [{ podCIDRs: ["10.2.0.0/24"], providerID: "cloud://n1", taints: [] }, ["10.2.0.0/24"]],
    [{ podCIDR: "" }, []],
    [{ podCIDR: 7 }, []],
    [{ podCIDR: null, podCIDRs: null, providerID: "10.3.0.0/24" }, []],
  ])("of %j is %j", (spec, expected) => {
    expect(read({ metadata: metadata(), spec }).podCidrs).toEqual(expected);
  });

  it("that is long is cut in the error", () => {
    expect(() => subnetsOf(["x".repeat(1_000)])).toThrow(
      expect.objectContaining({
        code: "invalid-lease",
        message: `read lease: podCIDR "${"x".repeat(64)}" is not a network`,
      }),
    );
    expect(() => subnetsOf(["10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"])).toThrow(
      "read lease: the node has 3 podCIDRs, expected one of each family",
    );
  });
});

describe("the metadata", () => {
  it.each<[unknown, number]>([
    ["2026-11-01T00:00:00Z", Date.UTC(2026, 10, 1)],
    ["soon", Number.MAX_SAFE_INTEGER],
    [7, Number.MAX_SAFE_INTEGER],
    [null, Number.MAX_SAFE_INTEGER],
  ])("with the age %j is of %d", (creationTimestamp, expected) => {
    expect(read({ metadata: metadata({ creationTimestamp }), spec: {} }).createdAtMs).toBe(expected);
  });

  it("has our annotations of text, and no others", () => {
    const annotations = {
      [`${PREFIX}public-ip`]: "192.0.2.1",
      [`${PREFIX}backend-type`]: 7,
      [`${PREFIX}other`]: "x",
      "public-ipv6": "fd00::1",
    };
    const labels = { [`${PREFIX}backend-data`]: "{}" };
    expect(read({ metadata: metadata({ labels, annotations }), spec: {} }).annotations).toEqual({
      "public-ip": "192.0.2.1",
    });
    for (const junk of [null, 7, "text", [`${PREFIX}public-ip`]])
      expect(read({ metadata: metadata({ annotations: junk }), spec: {} }).annotations).toEqual({});
  });

  it("may come after the rest, with a name that is read all the same", () => {
    const { name, annotations, podCidrs } = read({
      spec: { podCIDR: "10.1.0.0/24" },
      status: { addresses: [] },
      metadata: { annotations: { [`${PREFIX}public-ip`]: "192.0.2.1" }, name: "n1" },
    });
    expect([name, annotations, podCidrs]).toEqual(["n1", { "public-ip": "192.0.2.1" }, ["10.1.0.0/24"]]);
    expect(read({ spec: {} }).name).toBe("");
  });

  it("of our own Node has its version and uid", () => {
    const labels = { resourceVersion: "1", uid: "other" };
    const node = { metadata: metadata({ labels, uid: "u", resourceVersion: "17", selfLink: "x" }), spec: {} };
    expect(own(node)).toMatchObject({ name: "n1", version: "17", uid: "u" });
    expect(own({ metadata: metadata({ uid: 7 }), spec: { uid: "u", resourceVersion: "17" } })).toMatchObject({
      version: "",
      uid: "",
    });
  });

  it("of a Node whose annotations need no addresses is all that is read of it", () => {
    const text = JSON.stringify({ metadata: metadata(), spec: {}, status: {} });
    const broken = Buffer.from(text.replace('"status":{}', '"status":{broken'));
    expect(readExcerpt(excerptNode(broken, PREFIX)).name).toBe("n1");
  });
});

describe("the addresses", () => {
  const internal = (address: unknown) => ({ type: "InternalIP", address });
  const behindNat = (addresses: unknown, more: object = {}) => ({
    metadata: metadata({ annotations: { [`${PREFIX}public-ip-overwrite`]: "203.0.113.7" } }),
    spec: {},
    status: { ...more, addresses },
  });

  it.each(["public-ip-overwrite", "public-ipv6-overwrite", "node-public-ip", "node-public-ipv6"])(
    "are read where an operator has set %s",
    (name) => {
      const node = { metadata: metadata({ annotations: { [PREFIX + name]: "x" } }), spec: {} };
      const status = { addresses: [internal("192.0.2.1")] };
      expect(read({ ...node, status }).internalIps).toEqual(["192.0.2.1"]);
      expect(read({ ...node, spec: status }).internalIps).toEqual([]);
    },
  );

  it("are the first 64, of a list of at most 32 KiB", () => {
    const many = Array.from({ length: 100 }, (_, index) => internal(`192.0.2.${index}`));
    const first = many.slice(0, 64).map(({ address }) => address);
    expect(read(behindNat(many)).internalIps).toEqual(first);
    expect(own(behindNat(many)).internalIps).toEqual(first);
    const padded = (bytes: number) => {
      const empty = JSON.stringify([internal("192.0.2.1"), { pad: "" }]).length;
      return [internal("192.0.2.1"), { pad: "x".repeat(bytes - empty) }];
    };
    expect(read(behindNat(padded(32 * 1024))).internalIps).toEqual(["192.0.2.1"]);
    expect(read(behindNat(padded(32 * 1024 + 1))).internalIps).toEqual([]);
  });

  it("of our own Node are read always", () => {
    const status = {
      addresses: [internal("192.0.2.1"), { type: "ExternalIP", address: "203.0.113.1" }],
      images: [],
    };
    expect(own({ metadata: metadata(), spec: {}, status }).internalIps).toEqual(["192.0.2.1"]);
    expect(
      own({ metadata: metadata(), spec: status, status: { conditions: status.addresses } }).internalIps,
    ).toEqual([]);
  });

  it("give the first of each family", () => {
    expect(internalIps({ internalIps: ["x", "fd00::1", "192.0.2.1", "192.0.2.2", "fd00::2"] })).toEqual({
      v4: "192.0.2.1",
      v6: "fd00::1",
    });
    expect(internalIps({ internalIps: [] })).toEqual({ v4: null, v6: null });
  });
});

describe("the condition NetworkUnavailable", () => {
  const networkUnavailable = (conditions: unknown) =>
    own({ metadata: metadata(), spec: {}, status: { conditions } }).networkUnavailable;

  it.each<[unknown, object | null]>([
    [
      [null, 7, { type: "NetworkUnavailable", status: "False", reason: "R" }],
      { status: "False", reason: "R" },
    ],
    [[{ type: "NetworkUnavailable", status: 7 }], { status: "", reason: "" }],
    [[{ type: "Ready", status: "True" }], null],
    [{ type: "NetworkUnavailable" }, null],
    ["NetworkUnavailable", null],
  ])("of %j is %j", (conditions, expected) => {
    expect(networkUnavailable(conditions)).toEqual(expected);
  });
});

describe("a resource version", () => {
  it.each<[string, string, boolean]>([
    ["9", "10", true],
    ["10", "10", false],
    ["11", "10", false],
    ["9007199254740992", "9007199254740993", true],
    ["", "10", false],
    ["9", "", false],
    ["9a", "10", false],
    ["a9", "10", false],
    ["9", "b", false],
  ])("%j is older than %j: %s", (version, than, expected) => {
    expect(isOlderVersion(version, than)).toBe(expected);
  });
});

describe("the lease of a Node", () => {
  const record = (annotations: Readonly<Record<string, string>>, ips: readonly string[] = []) => ({
    ...{ name: "n1", createdAtMs: 7, podCidrs: ["10.1.0.0/24"] },
    ...{ annotations, internalIps: ips },
  });

  it("is ours by one annotation", () => {
    expect(isManaged(record({ "kube-subnet-manager": "true" }))).toBe(true);
    for (const text of ["", "false", "True"])
      expect(isManaged(record({ "kube-subnet-manager": text }))).toBe(false);
  });

  it("has at most 4096 bytes of annotations", () => {
    const annotations = (bytes: number) => {
      const others = { "public-ip": "192.0.2.1", "backend-type": "host-gw" };
      const used = Object.values(others).join("").length;
      return { ...others, "tweed-data": JSON.stringify({ pad: "x".repeat(bytes - used - 10) }) };
    };
    expect(leaseOf(record(annotations(4_096))).publicIps.v4).toBe("192.0.2.1");
    expect(() => leaseOf(record(annotations(4_097)))).toThrow(
      "read lease: its annotations are too large: at most 4096 bytes are read",
    );
  });

  it("names its own sources before the addresses that its kubelet reports", () => {
    const annotations = { "public-ip": "203.0.113.7", "backend-type": "vxlan" };
    expect(leaseOf(record(annotations, ["192.0.2.1"])).sourceIps).toEqual({ v4: "192.0.2.1", v6: null });
    const sources = { ...annotations, "tweed-data": '{"sources":["192.0.2.9"]}' };
    expect(leaseOf(record(sources, ["192.0.2.1"])).sourceIps).toEqual({ v4: "192.0.2.9", v6: null });
  });

  it("that cannot be read is null, and another error is thrown", () => {
    const invalid = new TweedError({ code: "invalid-lease", operation: "read lease", reason: "junk" });
    const throwing = (error: Error) => () => {
      throw error;
    };
    expect(readable(() => 7)).toBe(7);
    expect(readable(throwing(invalid))).toBeNull();
    expect(() => readable(throwing(new RangeError("a fault")))).toThrow("a fault");
  });

  it("of vxlan is published in IPv6 only with data of that family", () => {
    const both = content("192.0.2.1", "2001:db8::1");
    expect(contentAnnotations(both)).toMatchObject({ "public-ipv6": null, "backend-v6-data": null });
    const data = { v4: VXLAN.data.v4, v6: { VNI: 1, VtepMAC: "0e:52:a1:00:00:08" } };
    expect(contentAnnotations({ ...both, offers: [{ ...VXLAN, data }] })).toMatchObject({
      "public-ipv6": "2001:db8::1",
      "backend-v6-data": JSON.stringify(data.v6),
    });
    const hostGw = { type: "host-gw", data: { v4: null, v6: null } };
    expect(contentAnnotations({ ...both, offers: [hostGw] })).toMatchObject({
      "public-ipv6": "2001:db8::1",
      "backend-v6-data": "null",
    });
  });
});

describe("an operator's address", () => {
  const overwrites = { "public-ip-overwrite": "203.0.113.7", "public-ipv6-overwrite": "2001:db8::77" };

  it("leaves the replaced one as a source, of each family", () => {
    const { publicIps, sourceIps } = overwritten(content("192.0.2.1", "2001:db8::1"), overwrites);
    expect([publicIps, sourceIps]).toEqual([
      { v4: "203.0.113.7", v6: "2001:db8::77" },
      { v4: "192.0.2.1", v6: "2001:db8::1" },
    ]);
    const known = { ...content("192.0.2.1", "2001:db8::1"), sourceIps: { v4: null, v6: "2001:db8::5" } };
    expect(overwritten(known as never, overwrites).sourceIps).toEqual({ v4: "192.0.2.1", v6: "2001:db8::5" });
    expect(overwritten(content("192.0.2.1"), overwrites).publicIps).toEqual({ v4: "203.0.113.7", v6: null });
  });

  it("hides what the node itself published, of its family", () => {
    const annotations = { "public-ip": "192.0.2.1", "public-ipv6": "2001:db8::1" };
    expect(publishedIps({ annotations })).toEqual({ v4: "192.0.2.1", v6: "2001:db8::1" });
    expect(publishedIps({ annotations: { ...annotations, "public-ip-overwrite": "x" } })).toEqual({
      v4: null,
      v6: "2001:db8::1",
    });
    expect(publishedIps({ annotations: { ...annotations, "public-ipv6-overwrite": "x" } })).toEqual({
      v4: "192.0.2.1",
      v6: null,
    });
    expect(publishedIps({ annotations: {} })).toEqual({ v4: null, v6: null });
  });

  it("that is none is named by its first 80 characters, and an empty one is not", () => {
    expect(unreadableAddresses({ "public-ip-overwrite": "", "node-public-ip": "192.0.2.1" })).toEqual({});
    expect(unreadableAddresses({ "node-public-ipv6": "x".repeat(500) })).toEqual({
      "node-public-ipv6": "x".repeat(80),
    });
  });
});
