import { describe, expect, it } from "vitest";
import { DEFAULT_TEMPLATE, parseTemplate } from "../../../../src/agent/cni/template.ts";
import type { JsonObject } from "../../../../src/runtime/json.ts";

const SOURCE = "/etc/tweed/cni.json";
const PLUGIN = { type: "bridge" };
const LIST = { cniVersion: "1.0.0", name: "pods", plugins: [PLUGIN] };

function refusal(list: JsonObject | string): string {
  try {
    parseTemplate(typeof list === "string" ? list : JSON.stringify(list), SOURCE);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("it was taken");
}

describe("a template", () => {
  it("comes with the daemon, and is one that it would take from a file", () => {
    expect(parseTemplate(JSON.stringify(DEFAULT_TEMPLATE.list), SOURCE)).toEqual(DEFAULT_TEMPLATE);
  });

  it("is taken with whatever else its author wants of the plugins", () => {
    const firewall = { type: "firewall", backend: "iptables" };
    const bridge = { type: "bridge", vlan: 7, ipam: { type: "host-local", dataDir: "/tmp/x", routes: [] } };
    const list = { ...LIST, disableCheck: true, plugins: [bridge, firewall] };
    expect(parseTemplate(JSON.stringify(list), SOURCE)).toEqual({
      list,
      interfacePlugin: bridge,
      chained: [firewall],
    });
  });

  it.each<[JsonObject | string, string]>([
    ["{", "JSON fault at line 1, column 2"],
    ["[]", "not a JSON object"],
    [{ ...LIST, name: 5 }, "name is 5, expected a string"],
    [{ cniVersion: "1.0.0", plugins: [PLUGIN] }, "name is null, expected letters"],
    [{ ...LIST, name: "../x" }, 'name is "../x", expected letters'],
    [{ ...LIST, cniVersion: "0.2.0" }, 'cniVersion is "0.2.0", expected a version'],
    [{ ...LIST, cniVersion: null }, "cniVersion is null, expected a version"],
    // What is in front of lists, a single plugin, has no "plugins".
    [{ cniVersion: "1.0.0", name: "pods", type: "bridge" }, "plugins is null, expected an array"],
    [{ ...LIST, plugins: [] }, "plugins is [], expected an array"],
    [{ ...LIST, plugins: ["bridge"] }, 'plugins is ["bridge"], expected an array of objects'],
    [{ ...LIST, plugins: [PLUGIN, {}] }, "plugins[1]: type is null, expected the name of a plugin"],
    [{ ...LIST, plugins: [{ type: "/bin/sh" }] }, 'plugins[0]: type is "/bin/sh", expected the name'],
    [
      { ...LIST, plugins: [{ ...PLUGIN, mtu: "1450" }] },
      'plugins[0]: mtu is "1450", expected a whole number',
    ],
    [{ ...LIST, plugins: [{ ...PLUGIN, ipam: [] }] }, "plugins[0]: ipam is [], expected an object"],
    [
      { ...LIST, plugins: [{ ...PLUGIN, ipam: { type: 1 } }] },
      "plugins[0]: ipam: type is 1, expected a string",
    ],
    [{ ...LIST, plugins: [{ ...PLUGIN, ipam: { ranges: {} } }] }, "ipam: ranges is {}, expected an array"],
    [{ ...LIST, plugins: [{ ...PLUGIN, ipam: { routes: "x" } }] }, 'ipam: routes is "x", expected an array'],
  ])("%j is refused with the field's name", (list, reason) => {
    const message = refusal(list);
    expect(message).toContain(`read ${SOURCE}`);
    expect(message).toContain(reason);
  });
});
