import { describe, expect, it } from "vitest";
import { HoldersFile, holdersFile, readHolders } from "../../../src/agent/holders-file.ts";
import type { Holders } from "../../../src/lease/holders.ts";
import { MemoryFiles } from "../../support/memory-files.ts";
import { RecordingLog } from "../../support/recording-log.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const PATH = holdersFile("/run/flannel/subnet.env");
const holders = (...entries: readonly (readonly [string, string])[]): Holders => new Map(entries);

function testBed() {
  const files = new MemoryFiles();
  const clock = new VirtualClock();
  const log = new RecordingLog();
  const parts = { files, clock, log };
  const file = new HoldersFile(PATH, parts);
  const stop = new AbortController();
  const running = file.run(stop.signal).catch(() => undefined);
  const end = () => {
    stop.abort();
    return running;
  };
  return { parts, files, clock, log, file, end };
}

describe("the holders of unique values", () => {
  it("are read as they were written", async () => {
    const { parts, file, clock, end } = testBed();
    const known = holders(["duplicate-public-ip v4 192.0.2.1", "10.244.1.0-24"], ["mac", "10.244.2.0-24"]);
    file.put(known);
    await clock.sleep(1);
    await end();
    expect(await readHolders(PATH, parts)).toEqual(known);
    expect(parts.log.lines).toEqual([]);
  });

  it("are none before the first start, without a word", async () => {
    const { parts, end } = testBed();
    await end();
    expect(await readHolders(PATH, parts)).toBeNull();
    expect(parts.log.lines).toEqual([]);
  });

  it.each(["{", "null", "{}", '["text"]', '[["value"]]', '[["value",7]]', '[["value","key","more"]]'])(
    "are none in a file %s, and it is said",
    async (text) => {
      const { parts, files, log, end } = testBed();
      await end();
      files.put(PATH, text);
      expect(await readHolders(PATH, parts)).toBeNull();
      expect(log.lines).toMatchObject([
        {
          level: "warn",
          message: "holders of addresses not read",
          fields: { op: "read-holders", path: PATH },
        },
      ]);
    },
  );

  it("of one interval are written once, the newest", async () => {
    const { parts, files, file, clock, end } = testBed();
    file.put(holders(["a", "1"]));
    await clock.sleep(1);
    file.put(holders(["a", "2"]));
    file.put(holders(["a", "3"]));
    await clock.sleep(100);
    expect(await readHolders(PATH, parts)).toEqual(holders(["a", "1"]));
    await clock.sleep(60_000);
    expect(await readHolders(PATH, parts)).toEqual(holders(["a", "3"]));
    const { inode } = await files.status(PATH);
    file.put(holders(["a", "3"]));
    await clock.sleep(60_000);
    expect((await files.status(PATH)).inode).toBe(inode);
    await end();
  });

  it("of thousands of nodes are written the more seldom the longer they are", async () => {
    const { parts, file, clock, end } = testBed();
    const many = (owner: string) =>
      holders(...Array.from({ length: 10_000 }, (_, index) => [`value ${index}`.padEnd(40), owner] as const));
    file.put(many("1"));
    await clock.sleep(1);
    file.put(many("2"));
    await clock.sleep(20_000);
    expect(await readHolders(PATH, parts)).toEqual(many("1"));
    await clock.sleep(20_000);
    expect(await readHolders(PATH, parts)).toEqual(many("2"));
    await end();
  });

  it("that cannot be written are written later, and it is said", async () => {
    const { parts, files, file, clock, log, end } = testBed();
    files.disk.isReadOnly = true;
    file.put(holders(["a", "1"]));
    await clock.sleep(1);
    expect(log.lines).toMatchObject([{ level: "warn", fields: { op: "write-holders", path: PATH } }]);
    files.disk.isReadOnly = false;
    file.put(holders(["a", "1"]));
    await clock.sleep(60_000);
    expect(await readHolders(PATH, parts)).toEqual(holders(["a", "1"]));
    await end();
  });
});
