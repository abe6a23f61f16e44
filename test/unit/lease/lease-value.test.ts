import { describe, expect, test } from "vitest";
import type { LeaseContent } from "../../../src/lease/lease.ts";
import { decodeLeaseValue, encodeLeaseValue } from "../../../src/lease/lease-value.ts";
import { parseIpv4, parseIpv6 } from "../../../src/net/index.ts";
import { content, VXLAN } from "../../support/lease-fixtures.ts";

const decode = (text: string) => decodeLeaseValue(Buffer.from(text));
const NO_DATA = { v4: null, v6: null };

describe("encodeLeaseValue", () => {
  test("writes flannel's fields in flannel's order", () => {
    expect(encodeLeaseValue(content("172.16.1.10"))).toBe(
      '{"PublicIP":"172.16.1.10","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"0e:52:a1:00:00:07"}}',
    );
  });

  test("writes both families", () => {
    const offer = { type: "vxlan", data: { v4: { VNI: 1 }, v6: { VNI: 2 } } };
    expect(encodeLeaseValue(content("172.16.1.10", "2001:db8::1", offer))).toBe(
      '{"PublicIP":"172.16.1.10","PublicIPv6":"2001:db8::1","BackendType":"vxlan","BackendData":{"VNI":1},"BackendV6Data":{"VNI":2}}',
    );
  });

  test("writes no backend type for udp, and 0.0.0.0 where IPv4 is off", () => {
    const udp = { type: "udp", data: NO_DATA };
    expect(encodeLeaseValue(content(null, "2001:db8::1", udp))).toBe(
      '{"PublicIP":"0.0.0.0","PublicIPv6":"2001:db8::1"}',
    );
  });

  test("puts further offers and a store's own fields behind", () => {
    const hostGw = { type: "host-gw", data: NO_DATA };
    const more: LeaseContent = { ...content("172.16.1.10", null, hostGw), offers: [hostGw, VXLAN] };
    expect(encodeLeaseValue(more, { Owner: "x" })).toBe(
      '{"PublicIP":"172.16.1.10","PublicIPv6":null,"BackendType":"host-gw","TweedOffers":[{"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"0e:52:a1:00:00:07"}}],"Owner":"x"}',
    );
  });

  test("says behind flannel's from where else the node sends, and reads no junk there", () => {
    const behindNat = { ...content("203.0.113.1"), sourceIps: { v4: parseIpv4("192.168.1.5"), v6: null } };
    const text = encodeLeaseValue(behindNat);
    expect(text).toMatch(/"TweedSources":\["192.168.1.5"\]}$/);
    expect(decode(text)).toEqual(behindNat);
    for (const junk of ["7", '"192.168.1.5"', "[7,null]", '["x"]', '[[],"fd00::zz"]']) {
      const read = decode(text.replace('["192.168.1.5"]', junk));
      expect(read).toEqual(content("203.0.113.1"));
    }
  });

  test("refuses what peers would not read", () => {
    const offer = { type: "vxlan", data: { v4: "x".repeat(4096), v6: null } };
    const encode = () => encodeLeaseValue(content("172.16.1.10", null, offer));
    expect(encode).toThrow(/4096.*fewer backends/);
    expect(encode).toThrow(expect.objectContaining({ code: "lease-too-large", operation: "encode lease" }));
  });

  test("writes and reads a value of 4096 bytes, and none of one more", () => {
    const padded = (count: number) =>
      encodeLeaseValue(
        content("172.16.1.10", null, { type: "vxlan", data: { v4: "x".repeat(count), v6: null } }),
      );
    const left = 4096 - padded(0).length;
    const text = padded(left);
    expect(decode(text).offers[0].data.v4).toHaveLength(left);
    expect(() => padded(left + 1)).toThrow(/takes 4097 bytes/);
    expect(() => decode(`${text} `)).toThrow(expect.objectContaining({ operation: "read lease" }));
  });

  test("has source addresses of both families, the first of each among two", () => {
    const v4 = parseIpv4("192.168.1.5");
    const v6 = parseIpv6("fd00::5");
    for (const sourceIps of [
      { v4, v6 },
      { v4: null, v6 },
    ]) {
      const behindNat = { ...content("203.0.113.1", "2001:db8::1"), sourceIps };
      expect(decode(encodeLeaseValue(behindNat))).toEqual(behindNat);
    }
    const read = (list: readonly string[]) => decode(JSON.stringify({ TweedSources: list })).sourceIps;
    expect(read(["192.168.1.5", "192.168.1.6"])).toEqual({ v4, v6: null });
    expect(read(["x", "fd00::5", "192.168.1.5"])).toEqual({ v4: null, v6 });
    expect(read(["x", "y", "192.168.1.5"])).toBeUndefined();
  });
});

describe("decodeLeaseValue", () => {
  test("matches names without regard to case, and ignores fields it does not know", () => {
    const text = `
      { "publicip": "172.16.1.10", "PUBLICIPV6": null, "backendtype": "vxlan",
        "BackenddATA": {"VNI": 7}, "Expiration": "2025-01-01T00:00:00Z", "Asof": 17 }`;
    expect(decode(text)).toEqual(
      content("172.16.1.10", null, { type: "vxlan", data: { v4: { VNI: 7 }, v6: null } }),
    );
  });

  test.for(["{}", '{"BackendType":""}', '{"BackendType":null,"PublicIP":"0.0.0.0","PublicIPv6":"::"}'])(
    "reads %s as flannel does: udp, at no address",
    (text) => {
      expect(decode(text)).toEqual(content(null, null, { type: "udp", data: NO_DATA }));
    },
  );

  test.for(['"300.1.1.1"', '"2001:db8::1"', "17", "{}", '"172.016.1.10"', '""'])(
    "an address %s costs the lease this family only",
    (ip) => {
      const { publicIps } = decode(`{"PublicIP":${ip},"PublicIPv6":"2001:DB8::1"}`);
      expect(publicIps).toEqual({ v4: null, v6: parseIpv6("2001:db8::1") });
    },
  );

  test("what is no IPv6 address leaves IPv4 alone", () => {
    const { publicIps } = decode('{"PublicIP":"172.16.1.10","PublicIPv6":"fe80::1%eth0"}');
    expect(publicIps).toEqual({ v4: parseIpv4("172.16.1.10"), v6: null });
  });

  test.for([
    ["", /not JSON/],
    ["x", /not JSON/],
    ["[]", /not a JSON object/],
    ["null", /not a JSON object/],
    ['"text"', /not a JSON object/],
    ['{"BackendType":7}', /BackendType/],
    ['{"BackendType":"VXLAN"}', /BackendType/],
    ['{"BackendType":"a\\nb"}', /BackendType/],
    [`{"BackendType":"${"x".repeat(33)}"}`, /BackendType/],
    [`{"Pad":"${"x".repeat(4096)}"}`, /at most 4096/],
  ] as const)("refuses %.30s", ([text, reason]) => {
    expect(() => decode(text)).toThrow(reason);
    expect(() => decode(text)).toThrow(expect.objectContaining({ code: "invalid-lease" }));
  });

  test("does not read beyond the bytes it is given", () => {
    const bytes = Buffer.from('xx{"PublicIP":"172.16.1.10"}xx').subarray(2, -2);
    expect(decodeLeaseValue(bytes).publicIps.v4).toBe("172.16.1.10");
  });
});

describe("further offers", () => {
  const withOffers = (offers: unknown) =>
    decode(JSON.stringify({ BackendType: "vxlan", TweedOffers: offers }));
  const types = (offers: unknown) => withOffers(offers).offers.map((offer) => offer.type);

  test("are read in order, udp by its absence", () => {
    expect(types([{ BackendType: "host-gw" }, { backendtype: "" }])).toEqual(["vxlan", "host-gw", "udp"]);
  });

  test("may name one type with different data: its owner changes the VNI", () => {
    const offers = withOffers([{ BackendType: "vxlan", BackendData: { VNI: 2 } }]).offers;
    expect(offers.map((offer) => offer.data.v4)).toEqual([null, { VNI: 2 }]);
  });

  test.for([
    null,
    "host-gw",
    {},
    [],
    ["host-gw"],
    [{ BackendType: "host-gw" }, 7],
    [{ BackendType: "HOST-GW" }],
    [{ BackendType: "vxlan" }],
    [{ BackendType: "host-gw" }, { BackendType: "host-gw" }],
    Array.from({ length: 8 }, (_, index) => ({ BackendType: `t${index}` })),
  ])("%j are none: the lease is flannel's", (offers) => {
    expect(types(offers)).toEqual(["vxlan"]);
  });
});
