import fc from "fast-check";
import { expect, it } from "vitest";
import { IDENTITY_FIELD, identityFields, readIdentity } from "../../../src/lease/host-identity.ts";
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
