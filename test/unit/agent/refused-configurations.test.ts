/** What cannot be put into force is refused wherever an operator may look, and the last good one stays. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseMac } from "../../../src/net/index.ts";
import { eventually } from "../../support/eventually.ts";
import { configure, FakeNode } from "../../support/fake-node.ts";
import { MemoryCluster } from "../../support/memory-store.ts";

const GOOD = '{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}}';

let cluster: MemoryCluster;
let node: FakeNode;
beforeEach(async () => {
  cluster = new MemoryCluster();
  node = await FakeNode.create(cluster, 1);
});
afterEach(() => node.remove());

function write(text: string): void {
  cluster.configuration = text;
  cluster.announce();
}

async function startOn(text: string): Promise<void> {
  write(text);
  await node.startUntilReady();
}

describe("a network configuration", () => {
  it.each([
    ["that is no JSON", "{ not json", /JSON/],
    ["with a backend that nobody knows", '{"Network":"10.244.0.0/16","Backend":{"Type":"pigeon"}}', /pigeon/],
    ["with another Network", '{"Network":"10.9.0.0/16","Backend":{"Type":"vxlan"}}', /Network is 10\.244/],
    ["with an option out of range", '{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan","VNI":-1}}', /VNI/],
  ])(
    "%s is refused in the log, the report and the store, and the node stays ready",
    async (_title, text, why) => {
      await startOn(GOOD);
      write(text);
      await eventually(() => node.report.refusal).toMatch(why);
      expect(node.report.refusals).toBe(1);
      expect(node.notices).toEqual([{ reason: "NetworkConfigRefused", message: expect.stringMatching(why) }]);
      expect(node.log.text()).toContain("network configuration refused");
      expect(node.readiness.reasons()).toEqual([]);
      expect(node.kernel.links.get("flannel.1")?.isUp).toBe(true);
    },
  );

  it("is no longer refused when the good one is put back", async () => {
    await startOn(GOOD);
    write("{");
    await eventually(() => node.report.refusal).not.toBeNull();
    write(GOOD);
    await eventually(() => node.report.refusal).toBeNull();
    expect(node.report.refusals).toBe(1);
    expect(node.log.text()).toContain("network configuration no longer refused");
  });

  describe("that this host cannot serve", () => {
    const MAC = parseMac("02:00:00:00:00:99");
    beforeEach(async () => {
      // As of a device of WireGuard.
      node.kernel.alterLink("eth0", (link) => ({ ...link, mac: null }));
      await startOn(GOOD);
      write('{"Network":"10.244.0.0/16","Backend":{"Type":"host-gw"}}');
      await eventually(() => node.report.refusal).toMatch(/has no Ethernet addresses/);
    });

    it("comes into force once the host can serve it", async () => {
      node.kernel.alterLink("eth0", (link) => ({ ...link, mac: MAC }));
      await eventually(() => node.report.refusal).toBeNull();
      await eventually(() => node.log.text()).toContain("network configuration changed");
      expect(node.report.refusals).toBe(1);
    });

    it("comes into force once the host can serve it also where it was refused at the start", async () => {
      await node.restart();
      await eventually(() => node.readiness.reasons()).toEqual([]);
      expect(node.report.refusal).toMatch(/has no Ethernet addresses/);
      node.kernel.alterLink("eth0", (link) => ({ ...link, mac: MAC }));
      await eventually(() => node.report.refusal).toBeNull();
      await eventually(() => node.log.text()).toContain("network configuration changed");
    });

    it("is refused once however often the host changes", async () => {
      node.kernel.alterLink("eth0", (link) => ({ ...link, mtuBytes: 1_400 }));
      await eventually(() => node.kernel.links.get("flannel.1")?.mtuBytes).toBe(1_350);
      expect(node.report.refusals).toBe(1);
    });

    it("stays out of force where the store has no valid one by then", async () => {
      write("{");
      await eventually(() => node.report.refusal).toMatch(/JSON/);
      node.kernel.alterLink("eth0", (link) => ({ ...link, mac: MAC, mtuBytes: 1_400 }));
      await eventually(() => node.kernel.links.get("flannel.1")?.mtuBytes).toBe(1_350);
      expect(node.report.refusal).toMatch(/JSON/);
      expect(node.log.text()).not.toContain("network configuration changed");
    });
  });

  it.each([
    ["that cannot be read", "{", /JSON/],
    [
      "that this host cannot serve",
      '{"Network":"10.244.0.0/16","Backend":{"Type":"host-gw"}}',
      /has no Ethernet addresses/,
    ],
  ])(
    "%s is refused after a restart as well, and the last good one is in force",
    async (_title, text, why) => {
      // As of a device of WireGuard.
      node.kernel.alterLink("eth0", (link) => ({ ...link, mac: null }));
      await startOn(GOOD);
      write(text);
      await eventually(() => node.report.refusal).toMatch(why);
      const mac = node.kernel.links.get("flannel.1")?.mac;
      await node.restart();
      await eventually(() => node.readiness.reasons()).toEqual([]);
      expect(node.report.refusal).toMatch(why);
      expect(node.kernel.links.get("flannel.1")?.mac).toBe(mac);
      write('{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan","VNI":7}}');
      await eventually(() => node.kernel.links.has("flannel.7")).toBe(true);
      expect(node.report.refusal).toBeNull();
    },
  );

  it("that is the first and refused leaves the node waiting, and says why", async () => {
    write("{");
    node.start();
    await eventually(() => node.notices).toHaveLength(1);
    expect(node.readiness.conditions().configuration).toMatch(/JSON/);
    configure(cluster, { Type: "vxlan" });
    await eventually(() => node.readiness.reasons()).toEqual([]);
    expect(node.report.refusal).toBeNull();
  });
});
