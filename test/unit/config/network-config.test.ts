import { describe, expect, it } from "vitest";
import { parseNetworkConfig } from "../../../src/config/network-config.ts";

const parse = (value: unknown) => parseNetworkConfig(JSON.stringify(value), "net-conf.json");

describe("IPv4 address plan", () => {
  it("derives length, first and last subnet", () => {
    expect(parse({ Network: "10.3.0.0/16" }).v4).toEqual({
      network: "10.3.0.0/16",
      subnetLength: 24,
      subnetMin: "10.3.1.0",
      subnetMax: "10.3.255.0",
    });
  });

  it("keeps what is given", () => {
    const given = { Network: "10.3.0.0/16", SubnetMin: "10.3.5.0", SubnetMax: "10.3.8.0", SubnetLen: 28 };
    expect(parse(given).v4).toEqual({
      network: "10.3.0.0/16",
      subnetLength: 28,
      subnetMin: "10.3.5.0",
      subnetMax: "10.3.8.0",
    });
  });

  it.each([
    ["10.0.0.0/8", 24],
    ["10.0.0.0/22", 24],
    ["10.0.0.0/23", 25],
    ["10.0.0.0/28", 30],
  ])("gives %s subnets of /%i", (Network, length) => {
    expect(parse({ Network }).v4?.subnetLength).toBe(length);
  });

  it("masks host bits of the network away", () => {
    expect(parse({ Network: "10.3.7.9/16" }).v4?.network).toBe("10.3.0.0/16");
  });

  it("reaches to the end of the address space", () => {
    expect(parse({ Network: "255.255.0.0/16" }).v4).toMatchObject({ subnetMax: "255.255.255.0" });
  });

  it.each([
    ["0.0.0.0/0", "the default route"],
    ["0.0.0.0/4", "the default route"],
    ["127.16.0.0/16", "loopback"],
    ["169.254.0.0/16", "link-local"],
    ["168.0.0.0/6", "link-local"],
    ["239.0.0.0/8", "multicast"],
    ["224.0.0.0/3", "multicast"],
  ])("refuses the network %s: it covers %s", (Network, what) => {
    expect(() => parse({ Network })).toThrow(
      new RegExp(`Network is "${Network}", expected no network that covers ${what}`),
    );
  });

  it.each([
    ["::/0", "the default route"],
    ["::/64", "the default route or loopback"],
    ["fe80::/16", "link-local"],
    ["ff00::/16", "multicast"],
  ])("refuses the IPv6 network %s: it covers %s", (IPv6Network, what) => {
    expect(() => parse({ EnableIPv4: false, EnableIPv6: true, IPv6Network })).toThrow(`covers ${what}`);
  });

  it("takes the unspecified address, 0 and null for not given", () => {
    const config = { Network: "10.3.0.0/16", SubnetLen: 0, SubnetMin: "0.0.0.0", SubnetMax: null };
    expect(parse(config)).toEqual(parse({ Network: "10.3.0.0/16" }));
  });

  it.each([
    [{}, "Network is null, expected an IPv4 network such as 10.244.0.0/16"],
    [{ Network: "10.3.0.0" }, 'Network is "10.3.0.0", expected an IPv4 network'],
    [{ Network: "fd00::/48" }, 'Network is "fd00::/48", expected an IPv4 network'],
    [{ Network: 10 }, "Network is 10, expected a string"],
    [{ Network: "10.3.0.0/29" }, "expected a network of at most /28"],
    [{ Network: "10.3.0.0/16", SubnetLen: 31 }, "SubnetLen is 31, expected 0 or a length from 18 to 30"],
    [{ Network: "10.3.0.0/16", SubnetLen: 17 }, "SubnetLen is 17, expected 0 or a length from 18 to 30"],
    [{ Network: "10.3.0.0/16", SubnetLen: -1 }, "SubnetLen is -1, expected a whole number from 0 to 32"],
    [{ Network: "10.3.0.0/16", SubnetLen: 24.5 }, "SubnetLen is 24.5, expected a whole number"],
    [{ Network: "10.3.0.0/16", SubnetLen: "24" }, 'SubnetLen is "24", expected a whole number'],
    [
      { Network: "10.3.0.0/16", SubnetMin: "10.4.1.0" },
      'SubnetMin is "10.4.1.0", expected the first address',
    ],
    [{ Network: "10.3.0.0/16", SubnetMin: "10.3.1.1" }, "expected the first address of a /24 subnet"],
    [{ Network: "10.3.0.0/16", SubnetMax: "fd00::" }, 'SubnetMax is "fd00::", expected the first address'],
    [{ Network: "10.3.0.0/16", SubnetMax: "10.3.9" }, 'SubnetMax is "10.3.9", expected the first address'],
    [
      { Network: "10.3.0.0/16", SubnetMin: "10.3.9.0", SubnetMax: "10.3.8.0" },
      'SubnetMin is "10.3.9.0", expected SubnetMin (10.3.9.0) at or below SubnetMax (10.3.8.0)',
    ],
    [{ Network: "10.3.0.0/16", SubnetMax: "10.3.0.0" }, "SubnetMax (10.3.0.0)"],
  ])("refuses %j", (config, reason) => {
    expect(() => parse(config)).toThrow(reason);
    expect(() => parse(config)).toThrow("read net-conf.json: ");
  });
});

describe("IPv6 address plan", () => {
  const only6 = { EnableIPv4: false, EnableIPv6: true };

  it("derives length, first and last subnet", () => {
    expect(parse({ ...only6, IPv6Network: "fc00::/48" })).toMatchObject({
      v4: null,
      v6: {
        network: "fc00::/48",
        subnetLength: 64,
        subnetMin: "fc00:0:0:1::",
        subnetMax: "fc00:0:0:ffff::",
      },
    });
  });

  it("keeps what is given", () => {
    const given = { IPv6SubnetMin: "fc00:0:0:1::", IPv6SubnetMax: "fc00:0:0:f::", IPv6SubnetLen: 124 };
    expect(parse({ ...only6, IPv6Network: "fc00::/48", ...given }).v6).toEqual({
      network: "fc00::/48",
      subnetLength: 124,
      subnetMin: "fc00:0:0:1::",
      subnetMax: "fc00:0:0:f::",
    });
  });

  it.each([
    ["fc00::/62", 64],
    ["fc00::/63", 65],
    ["fc00::/124", 126],
  ])("gives %s subnets of /%i", (IPv6Network, length) => {
    expect(parse({ ...only6, IPv6Network }).v6?.subnetLength).toBe(length);
  });

  it.each([
    [{ IPv6Network: "fc00::/125" }, "expected a network of at most /124"],
    [{ IPv6Network: "fc00::/48", IPv6SubnetLen: 127 }, "expected 0 or a length from 50 to 126"],
    [{ IPv6Network: "fc00::/48", IPv6SubnetLen: 49 }, "expected 0 or a length from 50 to 126"],
    [{ IPv6Network: "10.3.0.0/16" }, "expected an IPv6 network such as fd00:10:244::/56"],
  ])("refuses %j", (config, reason) => {
    expect(() => parse({ ...only6, ...config })).toThrow(reason);
  });
});

describe("families", () => {
  it("reads both", () => {
    const config = parse({ Network: "10.3.0.0/16", EnableIPv6: true, IPv6Network: "fc00::/48" });
    expect(config.v4?.network).toBe("10.3.0.0/16");
    expect(config.v6?.network).toBe("fc00::/48");
  });

  it("does not look at the keys of a family that is off", () => {
    expect(parse({ Network: "10.3.0.0/16", IPv6Network: "junk", IPv6SubnetLen: 900 }).v6).toBeNull();
  });

  it("wants the network of each family that is on", () => {
    expect(() => parse({ Network: "10.3.0.0/16", EnableIPv6: true })).toThrow("IPv6Network is null");
    expect(() => parse({ EnableIPv4: false })).toThrow(
      "EnableIPv4 is false, expected true unless EnableIPv6 is",
    );
  });
});

describe("backend", () => {
  const network = { Network: "10.3.0.0/16" };

  it("is udp when absent", () => {
    expect(parse(network).backend).toEqual({ type: "udp", options: {} });
    expect(parse({ ...network, Backend: null }).backend.type).toBe("udp");
  });

  it("lower-cases the type and hands the options on as written", () => {
    const Backend = { Type: "VXLAN", vni: 7 };
    expect(parse({ ...network, Backend }).backend).toEqual({ type: "vxlan", options: Backend });
  });

  it.each([
    [{}, "read net-conf.json: Backend: Type is null, expected the name of a backend"],
    [{ Type: "" }, 'Type is ""'],
    [{ Type: 7 }, "Type is 7, expected a string"],
    ["vxlan", 'Backend is "vxlan", expected an object'],
  ])("refuses %j", (Backend, reason) => {
    expect(() => parse({ ...network, Backend })).toThrow(reason);
  });
});

describe("text", () => {
  it("matches keys without regard to case and ignores unknown ones", () => {
    const config = parse({ network: "10.3.0.0/16", SUBNETLEN: 26, enablenftables: true, Comment: [1] });
    expect(config).toMatchObject({ v4: { subnetLength: 26 }, enableNftables: true });
  });

  it.each([
    ['{\n  "Network": "10.3.0.0/16",\n}', "JSON fault at line 3, column 1: expected a key in double quotes"],
    ["", "JSON fault at line 1, column 1: expected a value"],
    ['{"Network": 10.3.0.0/16}', 'JSON fault at line 1, column 17: expected "," or "}"'],
    ["{} {}", "JSON fault at line 1, column 4: expected the end of the text"],
    ["[]", "not a JSON object"],
    ["null", "not a JSON object"],
    [`{"Network": "${"x".repeat(16 * 1024)}"}`, "larger than 16384 bytes"],
    ["[".repeat(10_000), "JSON fault at line 1, column 65: nested more than 64 deep"],
  ])("refuses text %#", (text, reason) => {
    expect(() => parseNetworkConfig(text, "net-conf.json")).toThrow(`read net-conf.json: ${reason}`);
  });

  it("shortens a long value in its error", () => {
    expect(() => parse({ Network: "x".repeat(5000) })).toThrow(/^.{0,250}$/);
  });
});
