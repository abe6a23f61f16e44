import { describe, expect, it, test } from "vitest";
import { BACKENDS } from "../../../backends/registry.ts";
import { checkLiveChange, validConfigurations } from "../../../src/agent/configuration.ts";
import { parseNetworkConfig } from "../../../src/config/network-config.ts";
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
      expect.stringContaining('Backend.Type is "carrier-pigeon", expected one of vxlan, host-gw, udp'),
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
        backend.parse({ [key]: "none" }, ["v4"]);
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
