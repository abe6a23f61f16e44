import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { configWarnings } from "../../../src/config/config-warnings.ts";
import { jsonKeys } from "../../../src/config/json-keys.ts";

const vxlan = { type: "vxlan", optionKeys: ["VNI", "Port", "MTU", "DirectRouting"] };
const warnings = (text: string, families: { v4?: boolean; v6?: boolean } = {}) =>
  configWarnings(text, { hasIpv4: families.v4 ?? true, hasIpv6: families.v6 ?? false, backend: vxlan });

describe("a configuration without a mistake", () => {
  it.each([
    '{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}',
    '{"network": "10.244.0.0/16", "EnableNFTables": true, "backend": {"type": "vxlan", "vni": 7, "directRouting": true}}',
    '{"Network": "10.244.0.0/16", "SubnetLen": 24, "SubnetMin": "10.244.10.0", "Backend": {"Type": "vxlan"}}',
    '{"Network": "Netwrok\\": {", "Backend": {"Type": "vxlan", "MTU": 1}}',
  ])("raises no doubt: %s", (text) => {
    expect(warnings(text)).toEqual([]);
  });
});

const BACKEND = '"Backend": {"Type": "vxlan"}';
describe("what is probably not meant is named", () => {
  it.each<[string, string[]]>([
    [`{"Netwrok": "x", ${BACKEND}}`, ['unknown key "Netwrok"; did you mean Network?']],
    [`{"SubnetLength": 24, ${BACKEND}}`, ['unknown key "SubnetLength"']],
    [`{"VNI": 7, ${BACKEND}}`, ['unknown key "VNI"; it belongs in Backend']],
    [
      '{"Backend": {"Type": "vxlan", "DirectRoutng": true}}',
      ['Backend.Type "vxlan" has no "DirectRoutng"; did you mean DirectRouting?'],
    ],
    [
      '{"Backend": {"Type": "vxlan", "SubnetLen": 24}}',
      ['Backend.Type "vxlan" has no "SubnetLen"; it belongs beside Backend'],
    ],
    [`{"Network": "a", "Network": "b", ${BACKEND}}`, ["Network is given twice; the last one counts"]],
    [
      `{"Network": "a", "network": "b", ${BACKEND}}`,
      ["network is given twice (also as Network); the last one counts"],
    ],
    [
      '{"Backend": {"Type": "vxlan", "VNI": 1, "VNI": 2}}',
      ["Backend.VNI is given twice; the last one counts"],
    ],
    [`{"IPv6Network": "fd00::/48", ${BACKEND}}`, ['IPv6Network has no effect without "EnableIPv6": true']],
    ['{"Network": "a"}', ['no Backend is given, so it is udp, as in flannel; write "Backend": {"Type": …}']],
  ])("%s", (text, expected) => {
    expect(warnings(text)).toEqual(expected);
  });

  it("in IPv6 only, too", () => {
    const text = `{"EnableIPv4": false, "EnableIPv6": true, "Network": "a", "IPv6Network": "b", ${BACKEND}}`;
    expect(warnings(text, { v4: false, v6: true })).toEqual([
      'Network has no effect without "EnableIPv4": true',
    ]);
  });
});

it("a text full of mistakes gets a bounded number of warnings", () => {
  const keys = Array.from({ length: 10_000 }, (_, index) => `"k${index}": 1`);
  const found = warnings(`{${keys.join()}, ${keys.join()}}`);
  expect(found).toHaveLength(21);
  expect(found.at(-1)).toBe("further warnings are not shown");
});

it("all keys of a text are found, wherever they are", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const expected: string[] = [];
      const walk = (each: unknown): void => {
        if (typeof each !== "object" || each === null) return;
        for (const [key, inner] of Object.entries(each)) {
          if (!Array.isArray(each)) expected.push(key);
          walk(inner);
        }
      };
      const text = JSON.stringify(value);
      walk(JSON.parse(text));
      expect(jsonKeys(text).map(({ key }) => key)).toEqual(expected);
    }),
  );
});
