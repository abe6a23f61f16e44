/** What the daemon keeps in files is whole or as it was, wherever it is killed, the power fails or the disk is full. */
import { describe, expect, it } from "vitest";
import { readSubnetEnv, writeSubnetEnv } from "../../../src/agent/cni/subnet-env.ts";
import {
  readLastGoodConfig,
  writeLastGoodConfig,
} from "../../../src/agent/configuration/last-good-config.ts";
import { readOwnIdentity } from "../../../src/agent/identity/own-identity.ts";
import { activateBackend } from "../../../src/agent/switch-over/active-backend.ts";
import {
  readRetainedBackends,
  writeRetainedBackends,
} from "../../../src/agent/switch-over/retained-backends.ts";
import { parseNetworkConfig } from "../../../src/config/network-config.ts";
import { FileStore } from "../../../src/lease/file/store.ts";
import { createFile, replaceFile } from "../../../src/runtime/atomic-file.ts";
import type { Files } from "../../../src/runtime/files.ts";
import { content, nodeIp, request, TWENTY } from "../../support/lease-fixtures.ts";
import { MemoryDisk } from "../../support/memory-disk.ts";
import { MemoryFiles } from "../../support/memory-files.ts";
import { RecordingLog } from "../../support/recording-log.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const PATH = "/run/flannel/subnet.env";
const OLD = "old\n".repeat(8);
const NEW = "new text\n".repeat(16);

/** Something the daemon keeps: written by its real writer, and read back by its real reader as one of two texts. */
interface Kept {
  readonly title: string;
  write(files: Files, version: "old" | "new"): Promise<unknown>;
  read(files: Files): Promise<unknown>;
}

const configText = (version: string) =>
  JSON.stringify({ Network: "10.244.0.0/16", Backend: { Type: "vxlan", VNI: version === "old" ? 1 : 2 } });
const backendOf = (version: string) => activateBackend(parseNetworkConfig(configText(version), "test"));
const reads = async (reading: Promise<unknown>) => JSON.stringify(await reading);
const subnetEnv = (version: string) => {
  const { v4 } = parseNetworkConfig(configText(version), "test");
  if (v4 === null) throw new Error("the network has no IPv4");
  const networks = { v4: v4.network, v6: null };
  return { networks, subnets: networks, mtuBytes: version === "old" ? 1450 : 1451, masquerade: false };
};
const log = () => new RecordingLog();

const KEPT: readonly Kept[] = [
  {
    title: "subnet.env",
    write: (files, version) => writeSubnetEnv(files, PATH, subnetEnv(version)).catch(() => undefined),
    // The MTU is for the CNI plugins, and not read back.
    read: async (files) => {
      await readSubnetEnv(files, PATH);
      return (await files.read(PATH, 1000)).bytes.toString();
    },
  },
  {
    title: "the retained backends",
    write: (files, version) => writeRetainedBackends(PATH, [backendOf(version)], { files, log: log() }),
    read: async (files) => {
      const config = parseNetworkConfig(configText("old"), "test");
      return (await readRetainedBackends(PATH, config, { files, log: log() })).map(({ channel }) => channel);
    },
  },
  {
    title: "the last good configuration",
    write: (files, version) => writeLastGoodConfig(PATH, configText(version), { files, log: log() }),
    read: async (files) => (await readLastGoodConfig(PATH, "leased", { files, log: log() }))?.text,
  },
  {
    title: "a file of any kind",
    write: (files, version) =>
      replaceFile(files, PATH, version === "old" ? OLD : NEW, { mode: 0o600 }).catch(() => undefined),
    read: async (files) => (await files.read(PATH, 1000)).bytes.toString(),
  },
];

/** A disk on which the old state is kept for good. */
async function diskWith(kept: Kept): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await kept.write(new MemoryFiles(disk), "old");
  disk.sync();
  return disk;
}

/** How many steps it takes to write the new state in place of the old. */
async function stepsOf(kept: Kept): Promise<number> {
  const files = new MemoryFiles(await diskWith(kept));
  await kept.write(files, "new");
  return files.steps;
}

describe.each(KEPT)("$title", (kept) => {
  const stateOf = (disk: MemoryDisk) => reads(kept.read(new MemoryFiles(disk)));
  const states = async () => {
    const disk = await diskWith(kept);
    const before = await stateOf(disk);
    await kept.write(new MemoryFiles(disk), "new");
    const after = await stateOf(disk);
    expect(after).not.toBe(before);
    return { before, after };
  };

  it("is the old or the new one after a kill between any two steps, and the next daemon can replace it", async () => {
    const { before, after } = await states();
    const steps = await stepsOf(kept);
    expect(steps).toBeGreaterThan(5);
    for (let step = 0; step <= steps; step++) {
      const disk = await diskWith(kept);
      const files = new MemoryFiles(disk);
      files.killAfter(step);
      await kept.write(files, "new");
      expect([before, after]).toContain(await stateOf(disk));
      await kept.write(new MemoryFiles(disk), "new");
      expect(await stateOf(disk)).toBe(after);
    }
  });

  it("is the old or the new one after a power failure at any step", async () => {
    const { before, after } = await states();
    const steps = await stepsOf(kept);
    for (let step = 0; step <= steps; step++) {
      for (let seed = 0; seed < 20; seed++) {
        const disk = await diskWith(kept);
        const files = new MemoryFiles(disk);
        files.killAfter(step);
        await kept.write(files, "new");
        disk.failPower(seededRandom(seed));
        expect([before, after]).toContain(await stateOf(disk));
      }
    }
  });

  it("is the new one after a power failure at any time after the write", async () => {
    const { after } = await states();
    for (let seed = 0; seed < 20; seed++) {
      const disk = await diskWith(kept);
      await kept.write(new MemoryFiles(disk), "new");
      disk.failPower(seededRandom(seed));
      expect(await stateOf(disk)).toBe(after);
    }
  });

  it("stays the old one on a disk that is full at any byte, with nothing left behind", async () => {
    const { before, after } = await states();
    const seen = new Set<string>();
    for (let freeBytes = 0; freeBytes <= 400; freeBytes++) {
      const disk = await diskWith(kept);
      disk.freeBytes = freeBytes;
      await kept.write(new MemoryFiles(disk), "new");
      seen.add(await stateOf(disk));
      expect(disk.namesIn("/run/flannel")).toEqual(["subnet.env"]);
    }
    expect([...seen]).toEqual([before, after]);
  });

  it("stays the old one on a disk that is read-only", async () => {
    const { before } = await states();
    const disk = await diskWith(kept);
    disk.isReadOnly = true;
    await kept.write(new MemoryFiles(disk), "new");
    expect(await stateOf(disk)).toBe(before);
  });
});

it("a file that is not synced before it is renamed is found torn", async () => {
  const torn = new Set<string>();
  for (let seed = 0; seed < 50; seed++) {
    const disk = new MemoryDisk();
    const files = new MemoryFiles(disk);
    await files.makeDirectory("/run", 0o755);
    const file = await files.create("/run/new", 0o644);
    await file.write(NEW);
    await file.close();
    await files.rename("/run/new", "/run/file");
    disk.failPower(seededRandom(seed));
    torn.add(String(new MemoryFiles(disk).text("/run/file")));
  }
  expect([...torn].some((text) => text !== "null" && text !== NEW && NEW.startsWith(text))).toBe(true);
});

it("a file that was created is there after a power failure, and its temporary one is not", async () => {
  for (let seed = 0; seed < 20; seed++) {
    const files = new MemoryFiles();
    await createFile(files, "/store/key", OLD, {});
    files.disk.failPower(seededRandom(seed));
    expect(files.text("/store/key")).toBe(OLD);
    expect(files.disk.namesIn("/store")).toEqual(["key"]);
  }
});

it("a file is created once, whole, and leaves no other", async () => {
  const files = new MemoryFiles();
  expect(await createFile(files, "/store/key", OLD, {})).toBe(true);
  expect(await createFile(files, "/store/key", NEW, {})).toBe(false);
  expect(files.text("/store/key")).toBe(OLD);
  expect(files.disk.namesIn("/store")).toEqual(["key"]);
});

describe("the identity", () => {
  const sources = { machineId: "/m", product: "/p", boot: "/b", netns: "/n", hostName: "/h" };
  const read = (files: Files, seed: number, lines = log()) =>
    readOwnIdentity(PATH, { files, random: seededRandom(seed), log: lines }, sources);

  it("is one and the same from the first start on that could write it", async () => {
    const disk = new MemoryDisk();
    const { id } = await read(new MemoryFiles(disk), 1);
    expect((await read(new MemoryFiles(disk), 2)).id).toBe(id);
  });

  it("is made anew after a kill between any two steps, and never read in part", async () => {
    for (let step = 0; step < 20; step++) {
      const disk = new MemoryDisk();
      const files = new MemoryFiles(disk);
      files.killAfter(step);
      const killed = await read(files, 1);
      const { id } = await read(new MemoryFiles(disk), 2);
      expect(id).toMatch(/^[0-9a-f]{32}$/);
      expect((await read(new MemoryFiles(disk), 3)).id).toBe(id);
      if (files.text(PATH)?.startsWith(killed.id)) expect(id).toBe(killed.id);
    }
  });

  it.each<[string, (disk: MemoryDisk) => void]>([
    ["full", (disk) => Object.assign(disk, { freeBytes: 10 })],
    ["read-only", (disk) => Object.assign(disk, { isReadOnly: true })],
  ])("lasts for this life where the disk is %s, and says so", async (_what, spoil) => {
    const disk = new MemoryDisk();
    spoil(disk);
    const lines = log();
    expect((await read(new MemoryFiles(disk), 1, lines)).id).toMatch(/^[0-9a-f]{32}$/);
    expect(lines.warnings()).toMatchObject([{ fields: { op: "write-identity", path: PATH } }]);
  });
});

describe("claims in the file store", () => {
  const never = new AbortController().signal;
  const storeOn = (files: Files, clock: VirtualClock, seed: number) =>
    new FileStore({ directory: "/store" }, { files, clock, random: seededRandom(seed), log: log() });
  const claim = (files: Files, clock: VirtualClock, node: number) =>
    storeOn(files, clock, node).acquire(request(TWENTY, content(nodeIp(node))), never);

  it("of a node that is killed between any two steps bar nobody, and two nodes never have one subnet", async () => {
    const clock = new VirtualClock();
    const whole = new MemoryFiles(new MemoryDisk(() => clock.wallMs()));
    await claim(whole, clock, 1);
    for (let step = 0; step <= whole.steps; step++) {
      const disk = new MemoryDisk(() => clock.wallMs());
      const files = new MemoryFiles(disk);
      files.killAfter(step);
      await claim(files, clock, 1).catch(() => undefined);
      const [one, other] = await Promise.all([1, 2].map((node) => claim(new MemoryFiles(disk), clock, node)));
      expect(one?.lease.key).not.toBe(other?.lease.key);
      for (const { lease } of [one, other].filter((held) => held !== undefined))
        expect(new MemoryFiles(disk).text(`/store/subnets/${lease.key}.json`)).toMatch(/\}\n$/);
    }
  });

  it("of ten nodes at once are ten", async () => {
    const clock = new VirtualClock();
    const disk = new MemoryDisk(() => clock.wallMs());
    const nodes = Array.from({ length: 10 }, (_, index) => index + 1);
    const held = await Promise.all(nodes.map((node) => claim(new MemoryFiles(disk), clock, node)));
    expect(new Set(held.map(({ lease }) => lease.key)).size).toBe(10);
    expect(disk.namesIn("/store")).toEqual(["subnets"]);
  });

  it("fail where the disk is full or read-only, and work once it is not", async () => {
    const clock = new VirtualClock();
    for (const spoilt of [{ freeBytes: 40 }, { isReadOnly: true }]) {
      const disk = new MemoryDisk(() => clock.wallMs());
      Object.assign(disk, spoilt);
      await expect(claim(new MemoryFiles(disk), clock, 1)).rejects.toMatchObject({
        code: "store-unavailable",
        retryable: true,
      });
      Object.assign(disk, { freeBytes: 10_000, isReadOnly: false });
      const { lease } = await claim(new MemoryFiles(disk), clock, 1);
      expect(disk.namesIn("/store/subnets")).toEqual([`${lease.key}.json`]);
    }
  });
});
