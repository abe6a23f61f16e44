/** Hosts with wrong clocks on one file system: its server's time counts. */
import { describe, expect, it } from "vitest";
import { FileStore } from "../../../src/lease/file/store.ts";
import type { Files } from "../../../src/runtime/files.ts";
import { content, hostIdentity, nodeIp, request, V4 } from "../../support/lease-fixtures.ts";
import { MemoryDisk } from "../../support/memory-disk.ts";
import { MemoryFiles } from "../../support/memory-files.ts";
import { RecordingLog } from "../../support/recording-log.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { NodeClock, SimulatedTime } from "../../support/simulated-time.ts";

const DAY_MS = 86_400_000;
const never = new AbortController().signal;

function bed() {
  const time = new SimulatedTime();
  const server = new NodeClock(time);
  const disk = new MemoryDisk(() => server.wallMs());
  const log = new RecordingLog();
  /** A host whose clock is ahead by so much. */
  const host = (aheadMs: number, seed: number, files: Files = new MemoryFiles(disk)) => {
    const clock = new NodeClock(time);
    clock.stepWall(aheadMs);
    const store = new FileStore({ directory: "/store" }, { files, clock, log, random: seededRandom(seed) });
    const wanted = { ...request(V4, content(nodeIp(seed))), identity: hostIdentity() };
    return { clock, store, wanted, acquire: () => store.acquire(wanted, never) };
  };
  const keysIn = async ({ store }: ReturnType<typeof host>) => {
    const ended = new AbortController();
    for await (const { leases } of store.snapshots(ended.signal)) return leases.map(({ key }) => key).sort();
    throw new Error("no snapshot");
  };
  return { time, server, disk, log, host, keysIn };
}

describe.each([-DAY_MS - 1, -60_000, 60_000, DAY_MS + 1])("a host whose clock is %i ms ahead", (aheadMs) => {
  it("sees the leases of others, and they see its own, for as long as they last", async () => {
    const { host, keysIn, server } = bed();
    const [right, wrong] = [host(0, 1), host(aheadMs, 2)];
    const keys = [(await right.acquire()).lease.key, (await wrong.acquire()).lease.key].sort();
    for (const reader of [host(0, 3), host(aheadMs, 4)]) expect(await keysIn(reader)).toEqual(keys);
    await server.sleep(DAY_MS - 10_000);
    for (const reader of [host(0, 3), host(aheadMs, 4)]) expect(await keysIn(reader)).toEqual(keys);
    await server.sleep(20_000);
    for (const reader of [host(0, 3), host(aheadMs, 4)]) expect(await keysIn(reader)).toEqual([]);
  });

  it("names it once, and is no older than those before it", async () => {
    const { host, log } = bed();
    const [right, wrong] = [host(0, 1), host(aheadMs, 2)];
    const first = await right.acquire();
    const second = await wrong.acquire();
    await wrong.acquire();
    expect(second.lease.claimedAt > first.lease.claimedAt).toBe(true);
    const seconds = Math.round(Math.abs(aheadMs) / 1000);
    const relation = aheadMs > 0 ? "ahead of" : "behind";
    expect(log.warnings()).toMatchObject([
      {
        message: "clock of the host not used for leases",
        fields: {
          op: "read-leases",
          reason: `this host's clock is ${seconds} s ${relation} that of /store; set it right`,
        },
      },
    ]);
  });
});

it("a clock that is set while the daemon runs changes nothing", async () => {
  const { host, keysIn, server } = bed();
  const node = host(0, 1);
  const { lease } = await node.acquire();
  node.clock.stepWall(2 * DAY_MS);
  expect(await keysIn(node)).toEqual([lease.key]);
  const held = await node.acquire();
  expect(held.expiresAtMs).toBe(server.nowMs() + DAY_MS);
});

/** As where each host stamps files by its own clock. */
function stampedBy(clock: NodeClock, disk: MemoryDisk): Files {
  const files = new MemoryFiles(disk);
  const status = files.status.bind(files);
  files.status = async (path) => ({ ...(await status(path)), changedAtWallMs: clock.wallMs() });
  return files;
}

describe("where each host stamps files by its own clock", () => {
  it("a node takes the subnet of an expired lease only when no other is free", async () => {
    const { disk, host, time } = bed();
    const ahead = new NodeClock(time);
    ahead.stepWall(2 * DAY_MS);
    const first = await host(0, 1).acquire();
    const seen = new Set<string>();
    for (let seed = 2; seed < 30; seed++) {
      const { lease } = await host(2 * DAY_MS, seed, stampedBy(ahead, disk)).acquire();
      seen.add(lease.key);
    }
    expect(seen.size).toBe(28);
    expect(seen).not.toContain(first.lease.key);
  });

  it("a lock is not broken by a host whose clock is ahead, nor awaited for long where it is behind", async () => {
    for (const aheadMs of [-DAY_MS, DAY_MS]) {
      const { disk, host, server, time } = bed();
      const clock = new NodeClock(time);
      clock.stepWall(aheadMs);
      const files = new MemoryFiles(disk);
      files.put("/store/.tweed-lock", "");
      const acquired = host(aheadMs, 1, stampedBy(clock, disk)).acquire();
      await server.sleep(9_000);
      expect(disk.namesIn("/store")).toContain(".tweed-lock");
      await acquired;
      const isTakenInTime = server.nowMs() < 12_000;
      expect(isTakenInTime).toBe(true);
    }
  });
});
