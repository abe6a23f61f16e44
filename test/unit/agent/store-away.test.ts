/** The store does not answer: a daemon waits for it, and then says what is true by then. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseIpv4 } from "../../../src/net/index.ts";
import { eventually } from "../../support/eventually.ts";
import { clusterOfOne, type FakeNode } from "../../support/fake-node.ts";
import type { MemoryCluster } from "../../support/memory-store.ts";

let cluster: MemoryCluster;
let node: FakeNode;
beforeEach(async () => {
  ({ cluster, node } = await clusterOfOne({ Type: "vxlan" }));
});
afterEach(() => node.remove());

const publicIps = () => [...cluster.leases.values()].map((lease) => lease.publicIps.v4);
const address = (last: number) => ({ iface: "eth0", ip: parseIpv4(`192.0.2.${last}`), length: 24 });

/** As the store is told, each once in a row. */
function recordPublished(): string[] {
  const published: string[] = [];
  cluster.onChange = () => {
    const now = publicIps().join();
    if (now !== published.at(-1)) published.push(now);
  };
  return published;
}

async function turnTo(last: number, from: number): Promise<void> {
  node.kernel.execute({ op: "add-address", address: address(last) });
  node.kernel.execute({ op: "delete-address", address: address(from) });
  await eventually(() => node.log.text()).toContain(`192.0.2.${last}`);
}

describe("a daemon that starts while the store does not answer", () => {
  it("waits, is not ready with the reason, and goes on when it answers", async () => {
    cluster.away = "refuses";
    node.start();
    await eventually(() => node.readiness.conditions().lease).toContain("nobody answers");
    expect(node.log.warnings()).toContainEqual(
      expect.objectContaining({ message: "last lease not read, will retry" }),
    );
    cluster.away = null;
    await eventually(() => node.readiness.reasons()).toEqual([]);
    expect(publicIps()).toEqual(["192.0.2.1"]);
  });
});

describe("a store that does not answer", () => {
  const away = (reason: string) => {
    for (const health of cluster.healths) health.failed(reason);
  };
  const back = () => {
    for (const health of cluster.healths) health.succeeded();
  };
  const REASON = "etcd at 192.0.2.7:2379 does not answer: connection refused";

  it("is why a daemon that starts has no configuration", async () => {
    const { configuration } = cluster;
    cluster.configuration = null;
    node.start();
    away(REASON);
    expect(node.readiness.conditions().configuration).toBe(REASON);
    back();
    expect(node.readiness.conditions().configuration).toBe("there is no network configuration yet");
    away(REASON);
    cluster.configuration = configuration;
    cluster.announce();
    await eventually(() => node.readiness.reasons()).toEqual([]);
  });

  it("is noted while the node is ready, with when that began", async () => {
    await node.startUntilReady();
    const sinceWallMs = node.clock.wallMs();
    away(REASON);
    await node.clock.sleep(5000);
    away(`${REASON} again`);
    expect(node.notes.list()).toEqual([{ topic: "store", reason: `${REASON} again`, sinceWallMs }]);
    expect(node.readiness.reasons()).toEqual([]);
    back();
    expect(node.notes.list()).toEqual([]);
  });
});

describe.each(["refuses", "holds"] as const)("while the store is away and %s requests", (away) => {
  it("a node's address may change again and again: only the newest is published", async () => {
    await node.startUntilReady();
    const published = recordPublished();
    cluster.away = away;
    await turnTo(77, 1);
    await turnTo(88, 77);
    await node.clock.sleep(60_000);
    cluster.away = null;
    cluster.announce();
    await eventually(publicIps).toEqual(["192.0.2.88"]);
    expect(published).toEqual(["192.0.2.1", "192.0.2.88"]);
  });
});
