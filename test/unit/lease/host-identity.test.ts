import fc from "fast-check";
import { expect, it } from "vitest";
import {
  compareHosts,
  describeHost,
  type HostIdentity,
  IDENTITY_FIELD,
  identityFields,
  isIdentityMark,
  readIdentity,
  tryHostName,
} from "../../../src/lease/host-identity.ts";
import { encodeLeaseValue, MAX_LEASE_BYTES } from "../../../src/lease/lease-value.ts";
import { readStoredLease } from "../../../src/lease/stored-lease.ts";
import type { JsonValue } from "../../../src/runtime/json.ts";
import { content, hostIdentity } from "../../support/lease-fixtures.ts";

const KEY = "10.5.7.0-24";
const read = (text: string) => readStoredLease(KEY, Buffer.from(text), 1n).identity;

it("stands behind what flannel reads, and is read back", () => {
  for (const identity of [hostIdentity(), hostIdentity({ hostName: null, product: null, machineId: null })]) {
    const text = encodeLeaseValue(content("192.0.2.1"), identityFields(identity));
    expect(text).toMatch(
      /^\{"PublicIP":"192\.0\.2\.1","PublicIPv6":null,"BackendType":"vxlan","BackendData":/,
    );
    expect(read(text)).toEqual(identity);
  }
});

it("has no field for a property that is unknown", () => {
  const identity = hostIdentity({ hostName: null, product: null, netns: null });
  const { id, machineId, boot } = identity;
  expect(identityFields(identity)).toEqual({ [IDENTITY_FIELD]: { Id: id, Machine: machineId, Boot: boot } });
});

const host = hostIdentity();
const another = hostIdentity();
it.each<[string, Partial<HostIdentity>, ReturnType<typeof compareHosts>]>([
  ["all properties in common", host, "same"],
  ["none in common", {}, "other"],
  ["one boot and namespace", { boot: host.boot, netns: host.netns }, "same"],
  [
    "one boot, another namespace",
    { boot: host.boot, machineId: host.machineId, product: host.product },
    "other",
  ],
  ["one boot, an unknown namespace", { boot: host.boot, machineId: host.machineId, netns: null }, "unknown"],
  ["one machine after a reboot", { machineId: host.machineId, product: host.product }, "same"],
  ["an image's machine id, another product", { machineId: host.machineId }, "other"],
  ["one product, another machine id", { product: host.product }, "other"],
  ["one machine id, an unknown product", { machineId: host.machineId, product: null }, "same"],
  ["one product, an unknown machine id", { machineId: null, product: host.product }, "same"],
  ["another product, an unknown machine id", { machineId: null }, "other"],
  ["nothing known but another boot", { machineId: null, product: null }, "unknown"],
  ["nothing known", { machineId: null, product: null, boot: null, netns: null }, "unknown"],
])("hosts with %s", (_, changes, verdict) => {
  const other = { ...another, ...changes };
  expect([compareHosts(host, other), compareHosts(other, host)]).toEqual([verdict, verdict]);
});

it("is named by the host's name and its id, or by its id", () => {
  expect(describeHost({ ...host, hostName: "node-1" })).toBe(`node-1 (node ${host.id})`);
  expect(describeHost({ ...host, hostName: null })).toBe(`node ${host.id}`);
});

it("takes names and marks that a lease can carry", () => {
  expect([tryHostName("node-1"), tryHostName("a b"), tryHostName("")]).toEqual(["node-1", null, null]);
  expect([host.id, "x", `${host.id}0`, host.id.toUpperCase()].map(isIdentityMark)).toEqual([
    true,
    false,
    false,
    host.id === host.id.toUpperCase(),
  ]);
});

it("is not there in flannel's leases", () => {
  expect(read(encodeLeaseValue(content("192.0.2.1")))).toBeUndefined();
  expect(identityFields(undefined)).toEqual({});
});

it("is nobody's where the field is broken, and never costs the lease", () => {
  const part = fc.constantFrom("Id", "Host", "Machine", "Product", "Boot", "Netns");
  const field = fc.oneof(fc.jsonValue(), fc.dictionary(part, fc.jsonValue()));
  fc.assert(
    fc.property(field, (value) => {
      const text = JSON.stringify({ PublicIP: "192.0.2.1", [IDENTITY_FIELD]: value });
      if (text.length > MAX_LEASE_BYTES) return;
      const identity = read(text);
      if (identity !== undefined) expect(identity.id).toMatch(/^[0-9a-f]{32}$/);
    }),
  );
});

it("takes no name that would reach a terminal", () => {
  const { id } = hostIdentity();
  const named = (Host: JsonValue) => readIdentity({ Id: id, Host }).identity?.hostName;
  expect(named("node-1.example")).toBe("node-1.example");
  for (const name of ["\u001b[2J", "a b", "", "-", "x".repeat(65), 7]) expect(named(name)).toBeNull();
});
