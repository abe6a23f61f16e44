import { describe, expect, it, test } from "vitest";
import { BACKENDS } from "../../../backends/registry.ts";
import { checkLiveChange, validConfigurations } from "../../../src/agent/configuration/configuration.ts";
import { type NetworkConfig, parseNetworkConfig } from "../../../src/config/network-config.ts";
import type { JsonObject } from "../../../src/runtime/json.ts";

const text = (config: JsonObject) => JSON.stringify({ Network: "10.244.0.0/16", ...config });
const parse = (config: JsonObject) => parseNetworkConfig(text(config), "test");

async function* stream(texts: readonly string[]): AsyncGenerator<string, void> {
  yield* texts;
}

describe("validConfigurations", () => {
  it("passes over what is refused, with the reason", async () => {
    const refused: string[] = [];
    const texts = [
      text({ Backend: { Type: "vxlan" } }),
      "{",
      text({ Backend: { Type: "vxlan", VNI: -1 } }),
      text({ Backend: { Type: "carrier-pigeon" } }),
      text({ Backend: { Type: "host-gw" } }),
    ];
    const types: string[] = [];
    const onRefused = (reason: string) => void refused.push(reason);
    for await (const { backend } of validConfigurations(stream(texts), onRefused, () => undefined)) {
      types.push(backend.type);
    }
    expect(types).toEqual(["vxlan", "host-gw"]);
    expect(refused).toEqual([
      expect.stringContaining("JSON"),
      expect.stringContaining("VNI is -1"),
      expect.stringContaining('Backend.Type is "carrier-pigeon", expected one of vxlan, host-gw, udp, ipip'),
    ]);
  });
});

test("doubts about each accepted text are told, and it is in force all the same", async () => {
  const doubts: string[] = [];
  const texts = [
    text({ Backend: { Type: "vxlan", DirectRoutng: true } }),
    text({ Backend: { Type: "vxlan", DirectRouting: true } }),
    text({ Backend: { Type: "udp", VNI: 7 } }),
  ];
  const onDoubt = (doubt: string) => void doubts.push(doubt);
  const types: string[] = [];
  for await (const { backend } of validConfigurations(stream(texts), () => undefined, onDoubt)) {
    types.push(backend.type);
  }
  expect(types).toEqual(["vxlan", "vxlan", "udp"]);
  expect(doubts).toEqual([
    'Backend.Type "vxlan" has no "DirectRoutng"; did you mean DirectRouting?',
    'Backend.Type "udp" has no "VNI"',
  ]);
});

test("every option that a backend reads is known to be one", () => {
  const options = new Set(BACKENDS.flatMap(({ optionKeys }) => optionKeys));
  for (const backend of BACKENDS) {
    // What is read refuses a value of no type that any option has.
    const isRead = (key: string) => {
      try {
        backend.parseOptions({ [key]: "none" }, ["v4"]);
        return false;
      } catch {
        return true;
      }
    };
    expect([...options].filter(isRead)).toEqual(
      [...options].filter((key) => backend.optionKeys.includes(key)),
    );
  }
});

describe("where the cluster gives each node its subnet", () => {
  const read = async (config: JsonObject) => {
    const refused: string[] = [];
    const ignored: string[] = [];
    const subnets = { onIgnored: (reason: string) => ignored.push(reason) };
    const found: NetworkConfig[] = [];
    for await (const { config: each } of validConfigurations(
      stream([text(config)]),
      (reason) => refused.push(reason),
      () => undefined,
      subnets,
    )) {
      found.push(each);
    }
    expect(refused).toEqual([]);
    return { found, ignored };
  };
  const plain = parse({ EnableIPv6: true, IPv6Network: "fd00::/48" });

  it.each([
    [{ SubnetLen: 17 }, /SubnetLen is 17/],
    [{ SubnetLen: 31 }, /SubnetLen is 31/],
    [{ SubnetMin: "10.9.0.0" }, /SubnetMin is "10\.9\.0\.0"/],
    [{ SubnetMin: "10.244.7.7" }, /SubnetMin is/],
    [{ SubnetMin: "10.244.9.0", SubnetMax: "10.244.5.0" }, /at or below/],
    [{ IPv6SubnetLen: 127 }, /IPv6SubnetLen is 127/],
    [{ IPv6SubnetMax: "fd01::" }, /IPv6SubnetMax is/],
  ])("%j does not fit, is ignored and named", async (config, reason) => {
    const { found, ignored } = await read({ EnableIPv6: true, IPv6Network: "fd00::/48", ...config });
    expect(found).toEqual([plain]);
    expect(ignored).toEqual([expect.stringMatching(reason)]);
  });

  it("what fits is passed over without a word, so that a change of it is none", async () => {
    const config = { SubnetLen: 26, SubnetMin: "10.244.8.0", EnableIPv6: true, IPv6Network: "fd00::/48" };
    expect(await read(config)).toEqual({ found: [plain], ignored: [] });
  });

  it("a network that is none is refused as ever", () => {
    const subnets = { onIgnored: () => {} };
    const parseAny = (network: string) => () =>
      parseNetworkConfig(JSON.stringify({ Network: network }), "test", subnets);
    expect(parseAny("10.0.0.0/33")).toThrow(/Network is/);
    expect(parseAny("10.0.0.0/30")).toThrow(/Network is "10.0.0.0\/30", expected a network of at most \/28/);
  });
});

describe("checkLiveChange", () => {
  const before = parse({ Backend: { Type: "vxlan" } });

  it("lets a backend and its options change", () => {
    expect(() => checkLiveChange(before, parse({ Backend: { Type: "udp", Port: 9 } }))).not.toThrow();
  });

  it.each([
    [{ Network: "10.245.0.0/16" }, /Network is 10\.244\.0\.0\/16 .* would become 10\.245\.0\.0\/16/],
    [{ SubnetLen: 25 }, /subnets \/24 .* subnets \/25/],
    [{ EnableIPv6: true, IPv6Network: "fd00::/48" }, /IPv6Network is off and would become fd00::\/48/],
  ])("refuses %j and says why", (config, reason) => {
    expect(() => checkLiveChange(before, parse({ ...config, Backend: { Type: "vxlan" } }))).toThrow(reason);
  });

  it("refuses to take a family away", () => {
    const dual = parse({ EnableIPv6: true, IPv6Network: "fd00::/48" });
    expect(() => checkLiveChange(dual, parse({}))).toThrow(/IPv6Network is fd00::\/48 .* would become off/);
  });
});
