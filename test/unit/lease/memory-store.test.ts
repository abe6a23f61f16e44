/** The store that other tests stand on behaves as the real ones. */
import { expect, test } from "vitest";
import { systemClock } from "../../../src/runtime/clock.ts";
import { silentLog } from "../../../src/runtime/log.ts";
import { nodeFiles } from "../../../src/runtime/node-files.ts";
import { systemRandom } from "../../../src/runtime/random.ts";
import { content, nodeIp, request, subnets, TWENTY } from "../../support/lease-fixtures.ts";
import { MemoryCluster, MemoryStore } from "../../support/memory-store.ts";
import { SnapshotReader } from "../../support/snapshot-reader.ts";

const surroundings = { clock: systemClock, random: systemRandom, files: nodeFiles, log: silentLog };
const signal = new AbortController().signal;

test("20 nodes on 20 subnets get one each, and each keeps its own", async () => {
  const cluster = new MemoryCluster();
  const stores = Array.from({ length: 20 }, () => new MemoryStore(cluster, surroundings));
  const acquire = () =>
    Promise.all(
      stores.map((store, index) => store.acquire(request(TWENTY, content(nodeIp(index + 1))), signal)),
    );
  const held = await acquire();
  expect(new Set(held.map(({ lease }) => lease.key)).size).toBe(20);
  expect(await acquire()).toEqual(held);
});

test("snapshots, configurations and losses are told", async () => {
  const cluster = new MemoryCluster();
  const [one, other] = [new MemoryStore(cluster, surroundings), new MemoryStore(cluster, surroundings)];
  const reader = new SnapshotReader(other);
  const configuration = other.configurations(signal).next();
  await one.configure("{}");
  expect((await configuration).value).toBe("{}");
  const held = await one.acquire(request(TWENTY, content(nodeIp(1)), subnets("10.5.7.0-24")), signal);
  await reader.untilKeys(["10.5.7.0-24"]);
  expect(reader.latest?.leases).toEqual([held.lease]);
  const kept = one.holdUntilLost(held, signal);
  await other.release("10.5.7.0-24");
  expect(await kept).toMatch(/deleted/);
  await reader.untilKeys([]);
  await reader.stop();
});
