import { describe, expect, it } from "vitest";
import { FileStore } from "../../../src/lease/file/store.ts";
import { SharedDirectory } from "../../sim/shared-directory.ts";
import { MemoryDisk } from "../../support/memory-disk.ts";
import { RecordingLog } from "../../support/recording-log.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { NodeClock, SimulatedTime } from "../../support/simulated-time.ts";

function bed() {
  const time = new SimulatedTime();
  const clock = new NodeClock(time);
  const disk = new MemoryDisk(() => clock.wallMs());
  const directory = new SharedDirectory(disk, time);
  const log = new RecordingLog();
  const surroundings = { clock, log, random: seededRandom(1), files: directory.filesOf("node1") };
  return { directory, clock, log, store: new FileStore({ directory: "/leases" }, surroundings) };
}

/** The simulator found daemons that ended, seed 1, histories 0 and 1. */
describe("a file system that does not answer when a daemon starts", () => {
  it("is waited for with the configuration", async () => {
    const { directory, clock, log, store } = bed();
    directory.isAway = true;
    const stop = new AbortController();
    const first = store.configurations(stop.signal)[Symbol.asyncIterator]().next();
    await clock.sleep(20_000);
    expect(store.health.outage?.reason).toContain("EIO");
    expect(log.warnings()).toMatchObject([
      {
        message: "lease directory not usable, will retry",
        fields: { op: "read-leases", reason: expect.stringContaining("EIO") },
      },
    ]);
    directory.isAway = false;
    await store.configure('{"Network":"10.244.0.0/16"}', stop.signal);
    expect(await first).toMatchObject({ value: '{"Network":"10.244.0.0/16"}\n' });
    expect(store.health.outage).toBeNull();
  });

  it("is waited for without a line for each look, and so is a configuration that is missing", async () => {
    const { directory, clock, log, store } = bed();
    const stop = new AbortController();
    const texts = store.configurations(stop.signal)[Symbol.asyncIterator]();
    const first = texts.next();
    await clock.sleep(60_000);
    expect(log.warnings()).toMatchObject([
      {
        message: "waiting for a network configuration",
        fields: { op: "read-config", path: "/leases/config.json", reason: expect.stringContaining("ENOENT") },
      },
    ]);
    directory.isAway = true;
    await clock.sleep(60_000);
    expect(log.warnings().filter(({ fields }) => fields.op === "read-config")).toMatchObject([
      {},
      { fields: { reason: expect.stringContaining("EIO") } },
    ]);
    directory.isAway = false;
    await store.configure("first", stop.signal);
    expect(await first).toMatchObject({ value: "first\n" });
    const next = texts.next();
    directory.isAway = true;
    await clock.sleep(60_000);
    directory.isAway = false;
    await clock.sleep(60_000);
    await store.configure("second", stop.signal);
    expect(await next).toMatchObject({ value: "second\n" });
  });

  it("is waited for with the leases", async () => {
    const { directory, clock, store } = bed();
    directory.isAway = true;
    const stop = new AbortController();
    const first = store.snapshots(stop.signal)[Symbol.asyncIterator]().next();
    await clock.sleep(20_000);
    directory.isAway = false;
    expect(await first).toEqual({ done: false, value: { leases: [], junk: [] } });
  });

  it("is watched again after its watches have ended", async () => {
    const { directory, clock, store } = bed();
    const stop = new AbortController();
    const texts = store.configurations(stop.signal)[Symbol.asyncIterator]();
    await store.configure("first", stop.signal);
    expect(await texts.next()).toMatchObject({ value: "first\n" });
    const next = texts.next();
    directory.breakWatches();
    // Until the next poll.
    await clock.sleep(6_000);
    const changedAtMs = clock.nowMs();
    await store.configure("second", stop.signal);
    expect(await next).toMatchObject({ value: "second\n" });
    expect(clock.nowMs()).toBe(changedAtMs);
  });

  it("ends the wait with its signal", async () => {
    const { directory, clock, store } = bed();
    directory.isAway = true;
    const stop = new AbortController();
    const first = store.snapshots(stop.signal)[Symbol.asyncIterator]().next();
    await clock.sleep(1_000);
    stop.abort(new Error("stopped"));
    await expect(first).rejects.toThrow("stopped");
  });
});
