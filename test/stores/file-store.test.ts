/** The file store on a real directory, shared by several stores as daemons share it. */

import { setMaxListeners } from "node:events";
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { byAge } from "../../src/lease/claims.ts";
import { Layout, TEMPORARY } from "../../src/lease/file/layout.ts";
import { LeaseDirectory } from "../../src/lease/file/lease-directory.ts";
import { FileStore } from "../../src/lease/file/store.ts";
import { FILE_STORE_TIMING, type FileStoreTiming } from "../../src/lease/file/timing.ts";
import { parseIpv4 } from "../../src/net/index.ts";
import { type Clock, systemClock } from "../../src/runtime/clock.ts";
import type { Files } from "../../src/runtime/files.ts";
import { nodeFiles } from "../../src/runtime/node-files.ts";
import { execute } from "../../src/runtime/program.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { CountedClock } from "../support/counted-clock.ts";
import { eventually } from "../support/eventually.ts";
import {
  content,
  flannelValue,
  hostIdentity,
  nodeIp,
  request,
  subnets,
  TWENTY,
  TWENTY_DUAL,
  V4,
  VXLAN,
} from "../support/lease-fixtures.ts";
import { MaintainedLease } from "../support/maintained-lease.ts";
import { RecordingLog } from "../support/recording-log.ts";
import { SnapshotReader } from "../support/snapshot-reader.ts";
import { SteeredClock } from "../support/steered-clock.ts";

const HOUR_MS = 3_600_000;
/** What is noticed then was reported by the kernel. */
const WITHOUT_POLLS = { pollMs: HOUR_MS };

let directory: string;
let log: RecordingLog;
let stop: AbortController;
let readers: SnapshotReader[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tw-file-store-"));
  log = new RecordingLog();
  stop = new AbortController();
  setMaxListeners(0, stop.signal);
  readers = [];
});
afterEach(async () => {
  stop.abort();
  for (const reader of readers) await reader.stop();
  await rm(directory, { recursive: true, force: true });
});

function store(timing: Partial<FileStoreTiming> = {}, clock: Clock = systemClock): FileStore {
  const surroundings = { clock, random: systemRandom, files: stampedBy(clock), log };
  return new FileStore({ directory }, surroundings, { ...FILE_STORE_TIMING, ...timing });
}
/** A disk of a host with this clock, which a temporary file shows. */
function stampedBy(clock: Clock): Files {
  return {
    ...nodeFiles,
    async status(path) {
      const status = await nodeFiles.status(path);
      return path.includes(TEMPORARY) ? { ...status, changedAtWallMs: clock.wallMs() } : status;
    },
  };
}
function read(from: FileStore): SnapshotReader {
  const reader = new SnapshotReader(from);
  readers.push(reader);
  return reader;
}
const pathOf = (key: string) => join(directory, "subnets", `${key}.json`);
const textOf = (key: string) => readFile(pathOf(key), "utf8");
const keys = async () => (await readdir(join(directory, "subnets"))).map((name) => name.slice(0, -5)).sort();
/** Whole at once, as an operator's editor does it. */
async function put(key: string, text: string): Promise<void> {
  await mkdir(join(directory, "subnets"), { recursive: true });
  const unfinished = join(directory, "unfinished");
  await writeFile(unfinished, text);
  await rename(unfinished, pathOf(key));
}

describe("a lease", () => {
  test("is flannel's text with what the store needs behind it", async () => {
    const held = await store({}, new SteeredClock()).acquire(request(V4, content(nodeIp(1))), stop.signal);
    const text = await textOf(held.lease.key);
    expect(text).toMatch(
      /^\{"PublicIP":"192\.0\.2\.1","PublicIPv6":null,"BackendType":"vxlan","BackendData":\{.*\},"Owner":"[0-9a-f]{24}","ClaimedAt":"\d+","ExpiresAt":"2026-01-02T00:00:00\.000Z"\}\n$/,
    );
    expect(held.expiresAtMs).toBe(24 * HOUR_MS);
  });

  test("is kept over a restart, and gets what is published now", async () => {
    const first = await store().acquire(request(V4, content(nodeIp(1))), stop.signal);
    const changed = content(nodeIp(1), null, { type: "host-gw", data: { v4: null, v6: null } });
    const again = await store().acquire(request(V4, changed), stop.signal);
    expect(again.lease).toEqual({ ...first.lease, offers: changed.offers });
    expect(await keys()).toEqual([first.lease.key]);
  });

  test("is the previous subnet where that is free, and replaced where it no longer fits", async () => {
    const wanted = subnets("10.5.34.0-24");
    const first = await store().acquire(request(V4, content(nodeIp(1)), wanted), stop.signal);
    expect(first.lease.key).toBe("10.5.34.0-24");
    const moved = await store().acquire(request(TWENTY, content(nodeIp(1)), wanted), stop.signal);
    expect(await keys()).toEqual([moved.lease.key]);
  });

  test("is found before anything is acquired", async () => {
    const wanted = { content: content(nodeIp(1)), previousSubnets: { v4: null, v6: null } };
    expect(await store().previous(wanted, stop.signal)).toBeNull();
    await store().acquire(request(V4, content(nodeIp(1))), stop.signal);
    expect((await store().previous(wanted, stop.signal))?.offers).toEqual([VXLAN]);
  });
});

describe("two hosts with one address", () => {
  test("have one lease, which is the first one's; its file carries the identity and survives a renewal", async () => {
    const clock = new SteeredClock();
    const us = hostIdentity();
    const owner = store({}, clock);
    const held = await owner.acquire({ ...request(V4, content(nodeIp(1))), identity: us }, stop.signal);
    const second = { ...request(V4, content(nodeIp(1))), identity: hostIdentity() };
    await expect(store({}, clock).acquire(second, stop.signal)).rejects.toThrow(`node ${us.id}`);
    expect(await keys()).toEqual([held.lease.key]);
    const reader = read(store({}, clock));
    await reader.until(({ leases }) => leases.length === 1);
    expect(reader.latest?.leases).toEqual([held.lease]);
    clock.advance(23.5 * HOUR_MS);
    const keeping = new AbortController();
    const kept = new MaintainedLease(owner, held, keeping.signal);
    await eventually(() => textOf(held.lease.key)).toContain("2026-01-02T23:3");
    keeping.abort();
    await kept.ended;
    expect(await textOf(held.lease.key)).toContain(us.id);
    clock.advance(25 * HOUR_MS);
    expect((await store({}, clock).acquire(second, stop.signal)).lease.identity).toEqual(second.identity);
  });
});

describe("a file that says it is the oldest", () => {
  test("takes no subnet from a lease that was there before, half of a pair or not", async () => {
    const held = await store().acquire(request(V4, content(nodeIp(1))), stop.signal);
    const thief = `${held.lease.key}&fd00:10:244:9::-64`;
    const text = JSON.stringify({ ...JSON.parse(flannelValue(nodeIp(2))), ClaimedAt: "0" });
    // Times of files are the kernel's coarse ones, some milliseconds behind the clock that a claim is made by.
    const isLater = async () => (await stat(pathOf(thief))).mtimeMs > Number(held.lease.claimedAt);
    await eventually(() => put(thief, text).then(isLater)).toBe(true);
    const reader = read(store());
    await reader.until(({ leases }) => leases.length === 2);
    const [oldest] = (reader.latest?.leases ?? []).toSorted(byAge);
    expect(oldest?.key).toBe(held.lease.key);
  });

  test("is as young as it was after the owner has renewed", async () => {
    const clock = new SteeredClock();
    const owner = store({}, clock);
    const held = await owner.acquire(request(V4, content(nodeIp(1))), stop.signal);
    clock.advance(23.5 * HOUR_MS);
    const keeping = new AbortController();
    const kept = new MaintainedLease(owner, held, keeping.signal);
    await eventually(() => textOf(held.lease.key)).toContain("2026-01-02T23:3");
    keeping.abort();
    await kept.ended;
    const reader = read(store({}, clock));
    await reader.until(({ leases }) => leases.length === 1);
    expect(reader.latest?.leases[0]?.claimedAt).toBe(held.lease.claimedAt);
  });
});

describe("a reservation", () => {
  test("written by an operator is used, and never expires", async () => {
    await put("10.5.50.0-24", flannelValue(nodeIp(1)));
    for (let life = 0; life < 2; life++) {
      const held = await store().acquire(request(V4, content(nodeIp(1))), stop.signal);
      expect(held).toMatchObject({ lease: { key: "10.5.50.0-24" }, expiresAtMs: null });
      expect(await textOf("10.5.50.0-24")).not.toContain("ExpiresAt");
    }
  });
});

describe("many daemons at once", () => {
  test.for([
    ["IPv4", TWENTY],
    ["dual-stack", TWENTY_DUAL],
  ] as const)("20 on exactly 20 subnets get one each: %s", async ([, config]) => {
    const acquired = Array.from({ length: 20 }, (_, index) =>
      store().acquire(request(config, content(nodeIp(index + 1), `2001:db8::${index + 1}`)), stop.signal),
    );
    const held = await Promise.all(acquired);
    expect(new Set(held.map((each) => each.lease.subnets.v4)).size).toBe(20);
    if (config.v6 !== null) expect(new Set(held.map((each) => each.lease.subnets.v6)).size).toBe(20);
    expect(new Set(held.map((each) => each.lease.claimedAt)).size).toBe(20);
    await expect(
      store().acquire(request(config, content(nodeIp(99), "2001:db8::99")), stop.signal),
    ).rejects.toMatchObject({ code: "out-of-subnets" });
  });
});

describe("a held lease", () => {
  test("is renewed an hour before it expires, and runs out for everybody without its daemon", async () => {
    const clock = new SteeredClock();
    const owner = store({}, clock);
    const held = await owner.acquire(request(V4, content(nodeIp(1))), stop.signal);
    const reader = read(store({}, clock));
    await reader.untilKeys([held.lease.key]);
    const keeping = new AbortController();
    const kept = new MaintainedLease(owner, held, keeping.signal);
    const poll = () => clock.advance(FILE_STORE_TIMING.pollMs);
    const expiry = async () => /"ExpiresAt":"([^"]+)"/.exec(await textOf(held.lease.key))?.[1];

    clock.advance(22.5 * HOUR_MS);
    expect(await expiry()).toBe("2026-01-02T00:00:00.000Z");
    clock.advance(HOUR_MS);
    await eventually(async () => {
      poll();
      return expiry();
    }).toMatch(/^2026-01-02T23:3/);
    expect(reader.keys).toEqual([held.lease.key]);

    keeping.abort();
    await kept.ended;
    expect(kept.fate).toBe("kept until it was stopped");
    clock.advance(24 * HOUR_MS);
    await eventually(() => {
      poll();
      return reader.keys;
    }).toEqual([]);
    const wanted = request(V4, content(nodeIp(2)), subnets(held.lease.key));
    const heir = await store({}, clock).acquire(wanted, stop.signal);
    expect(heir.lease.key).toBe(held.lease.key);
  });

  test.for([
    ["deleted", (key: string) => rm(pathOf(key)), /deleted/],
    ["overwritten", (key: string) => put(key, flannelValue(nodeIp(2))), /rewritten/],
    [
      "rewritten under its owner's name, with data that grows when it is written again",
      async (key: string) => {
        const own = JSON.parse(await textOf(key));
        const data = `[${new Array(790).fill("1e20").join()}]`;
        const hostile = JSON.stringify({ ...own, BackendData: "DATA" }).replace('"DATA"', data);
        await put(key, hostile);
      },
      /rewritten/,
    ],
    [
      "replaced by a link to what has no end",
      async (key: string) => {
        await symlink("/dev/zero", join(directory, "link"));
        await rename(join(directory, "link"), pathOf(key));
      },
      /cannot be read/,
    ],
    [
      "replaced by a pipe",
      async (key: string) => {
        await execute("mkfifo", [join(directory, "pipe")]);
        await rename(join(directory, "pipe"), pathOf(key));
      },
      /cannot be read/,
    ],
    [
      "taken over by a new run of the daemon",
      () => store().acquire(request(V4, content(nodeIp(1))), stop.signal),
      /rewritten/,
    ],
  ] as const)("is given up when it is %s, without a poll", async ([, lose, reason]) => {
    const owner = store(WITHOUT_POLLS);
    await owner.configure("{}", stop.signal);
    const held = await owner.acquire(request(V4, content(nodeIp(1))), stop.signal);
    const kept = new MaintainedLease(owner, held, stop.signal);
    // It looks once before it waits for the kernel to report changes.
    await sleep(100);
    await lose(held.lease.key);
    await eventually(() => kept.fate).toMatch(reason);
  });

  test.each([
    ["away", () => rename(directory, `${directory}-away`)],
    [
      "empty, as an unmounted one",
      async () => {
        await rename(directory, `${directory}-away`);
        await mkdir(join(directory, "subnets"), { recursive: true });
      },
    ],
  ])("is not given up while the store's directory is %s, and nothing is written there", async (_, remove) => {
    const clock = new SteeredClock();
    const owner = store({}, clock);
    await owner.configure("{}", stop.signal);
    const held = await owner.acquire(request(V4, content(nodeIp(1))), stop.signal);
    const kept = new MaintainedLease(owner, held, stop.signal);
    try {
      await remove();
      await eventually(() => {
        clock.advance(FILE_STORE_TIMING.pollMs);
        return log.text() + kept.fate;
      }).toContain("lease not renewed, will retry");
      expect(await readdir(directory, { recursive: true }).catch(() => [])).not.toContain(/json/);
    } finally {
      await rm(directory, { recursive: true, force: true });
      await rename(`${directory}-away`, directory);
    }
    clock.advance(FILE_STORE_TIMING.pollMs);
    await rm(pathOf(held.lease.key));
    await eventually(() => {
      clock.advance(FILE_STORE_TIMING.pollMs);
      return kept.fate;
    }).toMatch(/deleted/);
  });

  test("that a restored directory has as it was before is written again", async () => {
    const owner = store(WITHOUT_POLLS);
    await owner.configure("{}", stop.signal);
    const { lease } = await owner.acquire(request(V4, content(nodeIp(1))), stop.signal);
    const earlier = await textOf(lease.key);
    const held = await owner.acquire(
      request(V4, content(nodeIp(1), null, { ...VXLAN, type: "host-gw" })),
      stop.signal,
    );
    const kept = new MaintainedLease(owner, held, stop.signal);
    const newest = await textOf(lease.key);
    expect(newest).not.toBe(earlier);
    // It looks once before it waits for the kernel to report changes.
    await sleep(100);
    await put(lease.key, earlier);
    await eventually(async () => JSON.parse(await textOf(lease.key)).BackendType).toBe("host-gw");
    expect(kept.fate).toBe("kept");
  });

  test("is not lost by publishing on it", async () => {
    const owner = store(WITHOUT_POLLS);
    await owner.configure("{}", stop.signal);
    const held = await owner.acquire(request(V4, content(nodeIp(1))), stop.signal);
    const kept = new MaintainedLease(owner, held, stop.signal);
    for (let round = 0; round < 10; round++) {
      await owner.acquire(
        request(V4, content(nodeIp(1), null, { ...VXLAN, type: `t${round}` })),
        stop.signal,
      );
    }
    // Had what was published counted, it would be lost as "rewritten" before its deletion is seen.
    await rm(pathOf(held.lease.key));
    await eventually(() => kept.fate).toMatch(/deleted/);
  });
});

describe("snapshots", () => {
  test("tell all that a lease says of its node, where it sends from as well", async () => {
    const sourceIps = { v4: parseIpv4("192.168.7.7"), v6: null };
    const published = { ...content(nodeIp(1)), sourceIps };
    const identity = hostIdentity();
    await store().acquire({ ...request(V4, published), identity }, stop.signal);
    const reader = read(store());
    await reader.until(({ leases }) => leases.length > 0);
    expect(reader.latest?.leases).toMatchObject([{ ...published, identity }]);
  });

  test("follow what others create, change and delete, without a poll", async () => {
    const reader = read(store(WITHOUT_POLLS));
    await reader.untilKeys([]);
    const other = store();
    const held = await other.acquire(request(V4, content(nodeIp(1))), stop.signal);
    await reader.untilKeys([held.lease.key]);
    await other.acquire(request(V4, content(nodeIp(1), null, { ...VXLAN, type: "host-gw" })), stop.signal);
    await reader.until(({ leases }) => leases[0]?.offers[0].type === "host-gw");
    await other.release(held.lease.key, stop.signal);
    await reader.untilKeys([]);
    expect(Object.keys(held.lease).sort()).toEqual(["claimedAt", "key", "offers", "publicIps", "subnets"]);
  });

  test("are not taken when nothing changed", async () => {
    await put("10.5.1.0-24", flannelValue(nodeIp(1)));
    const clock = new CountedClock();
    const reader = read(store({ pollMs: 10 }, clock));
    await reader.untilKeys(["10.5.1.0-24"]);
    await eventually(() => clock.sleeps).toBeGreaterThan(10);
    await put("10.5.2.0-24", flannelValue(nodeIp(2)));
    await reader.untilKeys(["10.5.1.0-24", "10.5.2.0-24"]);
    expect(reader.count).toBe(2);
  });

  test("keep a lease when the wall clock is set ahead, and have it again when a wrong clock is set right", async () => {
    const held = await store({}, new SteeredClock()).acquire(request(V4, content(nodeIp(1))), stop.signal);
    const [right, ahead] = [new SteeredClock(), new SteeredClock()];
    ahead.stepWall(48 * HOUR_MS);
    const readers = [read(store({}, right)), read(store({}, ahead))];
    const keysOfBoth = () => {
      right.advance(FILE_STORE_TIMING.pollMs);
      ahead.advance(FILE_STORE_TIMING.pollMs);
      return readers.map((reader) => reader.latest && reader.keys);
    };
    await eventually(keysOfBoth).toEqual([[held.lease.key], []]);

    right.stepWall(48 * HOUR_MS);
    ahead.stepWall(-48 * HOUR_MS);
    // None of the hundred that a claim draws from.
    await put("10.5.200.0-24", flannelValue(nodeIp(7)));
    const all = [held.lease.key, "10.5.200.0-24"].sort();
    await eventually(keysOfBoth).toEqual([all, all]);
  });

  test("come from polling too", async () => {
    const reader = read(store({ pollMs: 20 }));
    await reader.untilKeys([]);
    await rename(join(directory, "subnets"), join(directory, "gone"));
    await put("10.5.1.0-24", flannelValue(nodeIp(1)));
    await reader.untilKeys(["10.5.1.0-24"]);
  });

  test("name junk once and go on without it", async () => {
    await put("10.5.1.0-24", flannelValue(nodeIp(1)));
    await put("not-a-lease", flannelValue(nodeIp(2)));
    await put("10.5.2.0-24", "{");
    await put("10.5.3.0-24", JSON.stringify({ PublicIP: nodeIp(3), Pad: "x".repeat(5000) }));
    await mkdir(pathOf("10.5.4.0-24"));
    await symlink("/etc/passwd", pathOf("10.5.5.0-24"));
    await writeFile(join(directory, "subnets", ".tweed-tmp-1"), "half");
    const clock = new CountedClock();
    const reader = read(store({ pollMs: 10 }, clock));
    await reader.untilKeys(["10.5.1.0-24"]);
    await eventually(() => clock.sleeps).toBeGreaterThan(10);
    const junk = reader.latest?.junk.map(({ key }) => key).sort();
    expect(junk).toEqual(["10.5.2.0-24", "10.5.3.0-24", "10.5.4.0-24", "10.5.5.0-24", "not-a-lease"]);
    expect(log.warnings()).toHaveLength(5);
    const held = await store().acquire(request(V4, content(nodeIp(9)), subnets("10.5.2.0-24")), stop.signal);
    expect(junk).not.toContain(held.lease.key);
  });
});

describe("what a killed daemon leaves behind", () => {
  test("a lock is broken, by one of many", async () => {
    const lock = join(directory, ".tweed-lock");
    await writeFile(lock, "");
    await utimes(lock, new Date(0), new Date(0));
    const held = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        store().acquire(request(V4, content(nodeIp(index + 1))), stop.signal),
      ),
    );
    expect(new Set(held.map((each) => each.lease.key)).size).toBe(8);
    expect((await readdir(directory)).filter((name) => name.startsWith("."))).toEqual([]);
  });

  test("a fresh lock is waited for", async () => {
    await writeFile(join(directory, ".tweed-lock"), "");
    const clock = new CountedClock();
    const acquired = store({}, clock).acquire(request(V4, content(nodeIp(1))), stop.signal);
    await eventually(() => clock.sleeps).toBeGreaterThan(5);
    expect(await keys()).toEqual([]);
    await rm(join(directory, ".tweed-lock"));
    await acquired;
    const waiting = new AbortController();
    await writeFile(join(directory, ".tweed-lock"), "");
    const aborted = store().acquire(request(V4, content(nodeIp(2))), waiting.signal);
    waiting.abort(new Error("enough"));
    await expect(aborted).rejects.toThrow("enough");
  });

  test("half-written files are removed once they are old", async () => {
    await mkdir(join(directory, "subnets"));
    const [old, fresh] = [join(directory, ".tweed-tmp-old"), join(directory, ".tweed-tmp-fresh")];
    await writeFile(old, "half");
    await writeFile(fresh, "half");
    await utimes(old, new Date(0), new Date(0));
    await store().acquire(request(V4, content(nodeIp(1))), stop.signal);
    expect((await readdir(directory)).sort()).toEqual([".tweed-tmp-fresh", "subnets"]);
  });
});

describe("an operator", () => {
  test("writes configurations that daemons get, without a poll", async () => {
    const configurations = store(WITHOUT_POLLS).configurations(stop.signal);
    const first = configurations.next();
    await eventually(() => log.text()).toContain("waiting for a network configuration");
    await store().configure('{"Network":"10.1.0.0/16"}\n', stop.signal);
    expect((await first).value).toBe('{"Network":"10.1.0.0/16"}\n');
    const second = configurations.next();
    await store().configure('{"Network":"10.2.0.0/16"}', stop.signal);
    expect((await second).value).toBe('{"Network":"10.2.0.0/16"}\n');
    await configurations.return();
  });

  test.for(["a pipe", "a device without an end"])(
    "may leave %s where the configuration was",
    async (what) => {
      await store().configure('{"Network":"10.1.0.0/16"}', stop.signal);
      const configurations = store({ pollMs: 20 }).configurations(stop.signal);
      await configurations.next();
      const path = join(directory, "config.json");
      await rm(path);
      if (what === "a pipe") await execute("mkfifo", [path]);
      else await symlink("/dev/zero", path);
      const second = configurations.next();
      await eventually(() => log.text()).toContain("not a regular file");
      await store().configure('{"Network":"10.2.0.0/16"}', stop.signal);
      expect((await second).value).toContain("10.2.0.0");
      await configurations.return();
    },
  );

  test.for(["10.5.9.0-24", "../config", ""])("is told that there is no lease %j to release", async (key) => {
    await store().configure("{}", stop.signal);
    await expect(store().release(key, stop.signal)).rejects.toMatchObject({ code: "no-such-lease" });
    expect(await readdir(directory)).toContain("config.json");
  });
});

test("of a thousand leases only the one that changed is read again", async () => {
  const keyOf = (index: number) => `10.${16 + (index >> 8)}.${index & 255}.0-24`;
  await mkdir(join(directory, "subnets"));
  for (let index = 0; index < 1000; index++) await writeFile(pathOf(keyOf(index)), flannelValue(nodeIp(1)));
  const leases = new LeaseDirectory(new Layout(directory), nodeFiles);
  const reread = async () => {
    const keys: string[] = [];
    await leases.refresh(null, { put: (key) => keys.push(key), delete: (key) => keys.push(`no ${key}`) });
    return keys;
  };
  expect(await reread()).toHaveLength(1000);
  expect(await reread()).toEqual([]);
  await put(keyOf(77), flannelValue(nodeIp(2)));
  await rm(pathOf(keyOf(500)));
  expect((await reread()).sort()).toEqual([keyOf(77), `no ${keyOf(500)}`].sort());

  const reader = read(store());
  await reader.until(({ leases }) => leases.length === 999);
});

describe("a listing", () => {
  const flannel = (index: number) => put(`10.5.${index}.0-24`, flannelValue(nodeIp(index)));

  test("has every lease of the directory, also one that has expired by this host's clock", async () => {
    const held = await store({}, new SteeredClock()).acquire(request(V4, content(nodeIp(1))), stop.signal);
    await flannel(200);
    await store().configure("{}", stop.signal);
    const ahead = new SteeredClock();
    ahead.advance(48 * HOUR_MS);
    const leases = await store({}, ahead).list(stop.signal);
    expect(leases.map(({ key }) => key).sort()).toEqual([held.lease.key, "10.5.200.0-24"].sort());
  });

  test("of an empty mount point fails", async () => {
    await store().configure("{}", stop.signal);
    await flannel(7);
    await rm(join(directory, "config.json"));
    await expect(store().list(stop.signal)).rejects.toMatchObject({ code: "store-emptied", retryable: true });
    await rm(directory, { recursive: true });
    await expect(store().list(stop.signal)).rejects.toMatchObject({
      code: "store-unavailable",
      retryable: true,
    });
  });
});
