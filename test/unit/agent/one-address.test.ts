/** Two hosts with one address, as Vagrant gives them or a flag that was typed twice. */
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { holdersFile } from "../../../src/agent/holders-file.ts";
import { eventually } from "../../support/eventually.ts";
import { configure, FakeNode } from "../../support/fake-node.ts";
import { content, hostIdentity, lease } from "../../support/lease-fixtures.ts";
import { MemoryCluster } from "../../support/memory-store.ts";

let cluster: MemoryCluster;
let nodes: FakeNode[];
beforeEach(() => {
  cluster = new MemoryCluster();
  configure(cluster, { Type: "vxlan" });
  nodes = [];
});
afterEach(async () => {
  for (const node of nodes) await node.remove();
});

async function host(number = 1): Promise<FakeNode> {
  const node = await FakeNode.create(cluster, number);
  nodes.push(node);
  return node;
}
async function running(number = 1): Promise<FakeNode> {
  const node = await host(number);
  await node.startUntilReady();
  return node;
}
const keys = () => [...cluster.leases.keys()];
const holder = () => [...cluster.leases.values()].map(({ identity }) => identity?.id);

describe("the second host", () => {
  it("is not ready, names the first and what to do, and takes nothing of it", async () => {
    const first = await running();
    const [key] = keys();
    const second = await host();
    second.start();
    const conflict = () => second.readiness.conditions().lease;
    await eventually(conflict).toContain(`${first.identity.hostName} (node ${first.identity.id})`);
    expect(conflict()).toMatch(/--iface or --public-ip/);
    // Of the hours that have passed for it until now.
    await eventually(() => second.clock.nowMs() > 3_600_000).toBe(true);
    expect(keys()).toEqual([key]);
    expect(holder()).toEqual([first.identity.id]);
    expect(first.readiness.reasons()).toEqual([]);
    const said = second.log.lines.filter(({ message }) => message === "lease not acquired, will retry");
    const hours = second.clock.nowMs() / 3_600_000;
    expect(said.length).toBeLessThan(2 + 7 * hours);
    expect(second.kernel.links.has("flannel.1")).toBe(false);
  });

  it("gets a subnet when the lease of the first is gone", async () => {
    const first = await running();
    const second = await host();
    second.start();
    await eventually(() => second.readiness.conditions().lease).toContain("tweed store release");
    await first.kill();
    cluster.leases.clear();
    cluster.announce();
    await eventually(() => second.readiness.reasons()).toEqual([]);
    expect(holder()).toEqual([second.identity.id]);
  });

  it("that is a clone in all but its boot loses what it took to the one that lives", async () => {
    const first = await running();
    const [key] = keys();
    const second = await host();
    const { machineId, product } = first.identity;
    second.identity = hostIdentity({ hostName: "clone", machineId, product });
    second.start();
    await eventually(() => second.readiness.conditions().lease).toContain("--public-ip");
    await eventually(() => first.readiness.reasons()).toEqual([]);
    expect(keys()).toEqual([key]);
    expect(holder()).toEqual([first.identity.id]);
  });
});

it("a host that was booted anew has its subnet again, with its run directory empty", async () => {
  const node = await running();
  const [key] = keys();
  await node.kill();
  const { id, boot, netns } = hostIdentity();
  node.identity = { ...node.identity, id, boot, netns };
  node.start();
  await eventually(holder).toEqual([id]);
  expect(keys()).toEqual([key]);
  await eventually(() => node.readiness.reasons()).toEqual([]);
});

it("a lease of its own beside the one that it holds is no peer", async () => {
  const node = await running();
  const [own] = [...cluster.leases.values()];
  if (own === undefined) throw new Error("the node has no lease");
  const former = lease("10.244.200.0-24", 0, content("192.0.2.99"));
  cluster.leases.set(former.key, { ...own, ...former });
  const peer = lease("10.244.201.0-24", 100, content("192.0.2.8"));
  cluster.putOther(peer);
  cluster.announce();
  await eventually(() => node.report.paths.map((path) => path.peer)).toEqual([peer.key]);
  expect(node.report.unreached).toEqual([]);
});

describe("a node whose address an older node has too, each with a lease", () => {
  it("is not ready, names the lease, and is ready again when that has another address", async () => {
    const node = await running();
    const publish = (claimedAt: number, ip: string) => {
      const offer = { type: "host-gw", data: { v4: null, v6: null } };
      cluster.putOther(lease("10.244.200.0-24", claimedAt, content(ip, null, offer)));
      cluster.announce();
    };
    publish(100, "192.0.2.1");
    await eventually(() => node.report.unreached).toMatchObject([{ code: "public-ip" }]);
    expect(node.readiness.reasons()).toEqual([]);
    await node.kill();
    publish(0, "192.0.2.1");
    // As a host that booted: without it, the daemon knows that the address was its own first.
    await rm(holdersFile(node.subnetFile));
    node.start();
    const reason = () => node.readiness.conditions().interface;
    await eventually(reason).toBe(
      "lease 10.244.200.0-24 publishes this node's address 192.0.2.1 and is older; " +
        "give each node an address of its own with --iface or --public-ip, or, if that node is gone for good, delete its lease",
    );
    publish(0, "192.0.2.9");
    await eventually(() => node.readiness.reasons()).toEqual([]);
  });
});

it("a node that restarts keeps an address for the peer that had it, whoever is older and publishes it meanwhile", async () => {
  const [node, peer] = [await running(1), await running(2)];
  await eventually(() => node.report.paths).toHaveLength(1);
  const [path] = node.report.paths;
  const known = cluster.leases.get(path?.peer ?? "");
  await eventually(() => existsSync(holdersFile(node.subnetFile))).toBe(true);
  await node.kill();
  cluster.putOther(lease("10.244.200.0-24", 0, content(`${known?.publicIps.v4}`)));
  cluster.announce();
  node.start();
  await eventually(() => node.report.unreached).toMatchObject([
    { peer: "10.244.200.0-24", code: "duplicate-public-ip" },
  ]);
  expect(node.report.paths).toEqual([path]);
  expect(peer.readiness.reasons()).toEqual([]);
});

it("a virtual address that moves takes no subnet with it from the dead node", async () => {
  const dead = await running();
  await dead.kill();
  const [key] = keys();
  const heir = await host();
  heir.start();
  await eventually(() => heir.readiness.conditions().lease).toContain(`holds lease ${key}`);
  expect(holder()).toEqual([dead.identity.id]);
});

it("two daemons of one identity fight ever more seldom", async () => {
  const first = await running();
  const second = await host();
  second.identity = first.identity;
  second.start();
  const losses = (node: FakeNode) =>
    node.log.lines.filter(({ message }) => message.startsWith("lease lost")).length;
  for (const node of [first, second])
    await eventually(() => node.clock.nowMs() > 600_000 || losses(node) > 200).toBe(true);
  for (const node of [first, second]) {
    const minutes = node.clock.nowMs() / 60_000;
    // Time passes for the two at different paces, so that one may wait for the other.
    expect(losses(node)).toBeLessThan(12 + (minutes * 60) / 45);
  }
});
