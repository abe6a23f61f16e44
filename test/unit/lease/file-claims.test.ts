/** The file store in memory, on simulated time: its claims, renewals, locks, scans and watches. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FileStore } from "../../../src/lease/file/store.ts";
import { FILE_STORE_TIMING } from "../../../src/lease/file/timing.ts";
import type { LeaseContent, LeaseSnapshot } from "../../../src/lease/lease.ts";
import type { HeldLease, LeaseStore } from "../../../src/lease/store.ts";
import {
  content,
  hostIdentity,
  NO_SUBNETS,
  network,
  nodeIp,
  request,
  subnets,
  V4,
} from "../../support/lease-fixtures.ts";
import { MaintainedLease } from "../../support/maintained-lease.ts";
import { MemoryDisk } from "../../support/memory-disk.ts";
import { MemoryFiles } from "../../support/memory-files.ts";
import { RecordingLog } from "../../support/recording-log.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { NodeClock, SimulatedTime } from "../../support/simulated-time.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const ONE = network({ Network: "10.5.0.0/16", SubnetMin: "10.5.1.0", SubnetMax: "10.5.1.0" });
const TWO = network({ Network: "10.5.0.0/16", SubnetMin: "10.5.1.0", SubnetMax: "10.5.2.0" });
const OWN = content(nodeIp(1));
const HOST_GW = content(nodeIp(1), null, { type: "host-gw", data: { v4: null, v6: null } });
/** For days. */
const SELDOM = { ...FILE_STORE_TIMING, pollMs: 600_000 };
const LOCK = "/leases/.tweed-lock";

let time: SimulatedTime;
let clock: NodeClock;
let disk: MemoryDisk;
let files: MemoryFiles;
let log: RecordingLog;
let store: FileStore;
let stop: AbortController;

beforeEach(() => {
  time = new SimulatedTime();
  clock = new NodeClock(time);
  disk = new MemoryDisk(() => clock.wallMs());
  files = new MemoryFiles(disk);
  log = new RecordingLog();
  stop = new AbortController();
  store = open(1, log);
});
afterEach(() => stop.abort(new Error("the test is over")));

function open(
  seed: number,
  ownLog = new RecordingLog(),
  timing = FILE_STORE_TIMING,
  mayCreate = true,
): FileStore {
  const surroundings = { clock, files: new MemoryFiles(disk), log: ownLog, random: seededRandom(seed) };
  return new FileStore({ directory: "/leases", mayCreate }, surroundings, timing);
}

const acquire = (
  from: LeaseStore = store,
  config = V4,
  published: LeaseContent = OWN,
  previous = NO_SUBNETS,
) => from.acquire(request(config, published, previous), stop.signal);
const pathOf = (key: string) => `/leases/subnets/${key}.json`;
const textOf = (key: string) => files.text(pathOf(key));
const put = (key: string, text: string) => files.put(pathOf(key), text);
const names = (directory = "/leases/subnets") => disk.namesIn(directory);
const seconds = (count: number) => clock.sleep(count * 1_000);
const failureOf = (promise: Promise<unknown>) => promise.catch((error: unknown) => error);
const messages = (level: string) =>
  log.lines.filter((line) => line.level === level).map(({ message }) => message);

const hold = (held: HeldLease, from: LeaseStore = store) => new MaintainedLease(from, held, stop.signal);

/** All snapshots of a store. */
function read(from: LeaseStore = store) {
  const seen: LeaseSnapshot[] = [];
  (async () => {
    for await (const snapshot of from.snapshots(stop.signal)) seen.push(snapshot);
  })().catch(() => undefined);
  return {
    seen,
    keys: () =>
      seen
        .at(-1)
        ?.leases.map(({ key }) => key)
        .sort(),
  };
}

describe("a claim", () => {
  test("is a file that only its owner has", async () => {
    const { lease, expiresAtMs, takenFrom } = await acquire();
    expect(names()).toEqual([`${lease.key}.json`]);
    expect(JSON.parse(textOf(lease.key) ?? "")).toMatchObject({
      PublicIP: nodeIp(1),
      Owner: expect.stringMatching(/^[0-9a-f]{24}$/),
      ClaimedAt: String(lease.claimedAt),
      ExpiresAt: new Date(clock.wallMs() + DAY_MS).toISOString(),
    });
    expect(textOf(lease.key)).toMatch(/\}\n$/);
    expect([expiresAtMs, takenFrom]).toEqual([clock.nowMs() + DAY_MS, undefined]);
    expect(names("/leases")).toEqual(["subnets"]);
    expect(log.lines).toEqual([]);
  });

  test("again takes the file over, with what is published now", async () => {
    const first = await acquire();
    const identity = hostIdentity();
    const again = await open(2).acquire({ ...request(V4, HOST_GW), identity }, stop.signal);
    expect(again.lease).toEqual({ ...first.lease, ...HOST_GW, identity });
    expect(names()).toHaveLength(1);
    expect(textOf(first.lease.key)).not.toBe("");
  });

  test("is younger than those before it, even when the clock was set back", async () => {
    const first = await acquire();
    clock.stepWall(-DAY_MS);
    const second = await acquire(open(2), V4, content(nodeIp(2)));
    expect(second.lease.claimedAt).toBe(first.lease.claimedAt + 1n);
    clock.stepWall(DAY_MS + HOUR_MS);
    const third = await acquire(open(3), V4, content(nodeIp(3)));
    expect(third.lease.claimedAt).toBe(BigInt(clock.wallMs()));
  });

  test("is not younger for a lease that says it was claimed in the far future", async () => {
    put("10.5.9.0-24", `{"PublicIP":"${nodeIp(9)}","ClaimedAt":"${"9".repeat(30)}"}`);
    clock.stepWall(HOUR_MS);
    const { lease } = await acquire();
    expect(lease.claimedAt).toBe(BigInt(clock.wallMs()));
  });

  test("removes what a daemon that was killed has half written a minute ago, also of a claim in the future", async () => {
    await files.makeDirectory("/leases/subnets", 0o755);
    const half = await files.createTemporary("/leases/.tweed-tmp-", 0o644);
    await half.setModified(clock.wallMs() + DAY_MS);
    await half.close();
    await seconds(59);
    await acquire();
    expect(names("/leases")).toHaveLength(2);
    await seconds(2);
    await acquire(open(2), V4, content(nodeIp(2)));
    expect(names("/leases")).toEqual(["subnets"]);
  });

  test("removes the own lease that is outside of the network", async () => {
    await acquire();
    const { lease } = await acquire(store, network({ Network: "10.6.0.0/16" }));
    expect(names()).toEqual([`${lease.key}.json`]);
  });

  test("leaves the subnet of a file that cannot be read, and passes over other files", async () => {
    put("10.5.1.0-24", "{");
    put("junk", "{}");
    files.put("/leases/subnets/README", "text");
    await expect(acquire(store, ONE)).rejects.toMatchObject({
      code: "out-of-subnets",
      operation: expect.any(String),
    });
    expect(names()).toEqual(["10.5.1.0-24.json", "README", "junk.json"]);
    expect(names("/leases")).toEqual(["subnets"]);
  });

  test("warns of files that overlap its subnet", async () => {
    put("10.5.0.0-20", `{"PublicIP":"${nodeIp(9)}"}`);
    await acquire(store, ONE);
    expect(messages("warn")).toEqual(["claiming a subnet that other keys overlap"]);
  });

  test("on a reservation does not expire", async () => {
    store = open(1, log, SELDOM);
    put("10.5.7.0-24", `{"PublicIP":"${nodeIp(1)}"}`);
    const held = await acquire();
    expect([held.lease.key, held.expiresAtMs]).toEqual(["10.5.7.0-24", null]);
    expect(textOf("10.5.7.0-24")).not.toContain("ExpiresAt");
    const kept = hold(held);
    await seconds(3 * 86_400);
    expect([kept.fate, names()]).toEqual(["kept", ["10.5.7.0-24.json"]]);
    expect(textOf("10.5.7.0-24")).not.toContain("ExpiresAt");
  });

  test("removes temporary files of daemons that were killed a minute ago", async () => {
    files.put("/leases/.tweed-tmp-old", "");
    await seconds(60);
    files.put("/leases/.tweed-tmp-new", "");
    files.put("/leases/other", "");
    await acquire();
    expect(names("/leases").sort()).toEqual([".tweed-tmp-new", ".tweed-tmp-old", "other", "subnets"]);
    await seconds(1);
    await acquire();
    expect(names("/leases").sort()).toEqual([".tweed-tmp-new", "other", "subnets"]);
  });

  test("of a subnet whose file appears without the lock may be tried again", async () => {
    const link = MemoryFiles.prototype.link;
    MemoryFiles.prototype.link = async function (from, to) {
      put("10.5.1.0-24", "{}");
      return link.call(this, from, to);
    };
    try {
      expect(await failureOf(acquire(store, ONE))).toMatchObject({
        code: "lease-contended",
        retryable: true,
        message:
          "acquire lease: /leases/subnets/10.5.1.0-24.json was created without the lock of the directory",
      });
    } finally {
      MemoryFiles.prototype.link = link;
    }
    expect(textOf("10.5.1.0-24")).toBe("{}");
  });

  test("on a file system that is read-only fails at once", async () => {
    const create = MemoryFiles.prototype.create;
    MemoryFiles.prototype.create = async () => {
      throw Object.assign(new Error("EROFS: read-only file system"), { code: "EROFS" });
    };
    try {
      expect(await failureOf(acquire())).toMatchObject({
        code: "store-unavailable",
        message: "acquire lease: EROFS: read-only file system",
      });
      expect(await failureOf(store.configure("{}", stop.signal))).toMatchObject({
        message: expect.stringMatching(/^write the configuration: EROFS/),
      });
      expect(await failureOf(store.release("10.5.1.0-24", stop.signal))).toMatchObject({
        message: expect.stringMatching(/^release lease 10\.5\.1\.0-24: EROFS/),
      });
    } finally {
      MemoryFiles.prototype.create = create;
    }
  });

  test("fails in the file system's words, and may be tried again", async () => {
    files.put("/leases/subnets", "a file");
    expect(await failureOf(acquire())).toMatchObject({
      code: "store-unavailable",
      retryable: true,
      message: expect.stringMatching(/^acquire lease: EEXIST/),
    });
  });
});

describe("the subnet of an expired lease", () => {
  const expire = async () => {
    const { lease } = await acquire(open(7), ONE, content(nodeIp(7)));
    await seconds(86_401);
    return lease.key;
  };

  test("goes to its former owner first", async () => {
    const key = await expire();
    expect((await acquire(open(7), TWO, content(nodeIp(7)))).lease.key).toBe(key);
  });

  test("goes to the node whose subnet it was", async () => {
    const key = await expire();
    expect((await acquire(store, TWO, OWN, subnets(key))).lease.key).toBe(key);
  });

  test("goes to another node when no other is free, and is then its own", async () => {
    const key = await expire();
    for (let seed = 20; seed < 30; seed++) {
      const other = await acquire(open(seed), TWO, content(nodeIp(2)));
      expect(other.lease.key).not.toBe(key);
    }
    const { lease } = await acquire(store, TWO);
    expect(lease.key).toBe(key);
    expect(textOf(key)).toContain(nodeIp(1));
  });
});

describe("a lease that is held", () => {
  test("is renewed an hour before it expires, by its own text", async () => {
    store = open(1, log, SELDOM);
    const held = await acquire();
    const kept = hold(held);
    const before = textOf(held.lease.key);
    await seconds(82_795);
    expect(textOf(held.lease.key)).toBe(before);
    await seconds(10);
    const after = JSON.parse(textOf(held.lease.key) ?? "");
    const isRenewed = Date.parse(after.ExpiresAt) > clock.wallMs() + DAY_MS - 10_000;
    expect(isRenewed).toBe(true);
    // As old as the claim, or it would lose its subnet to a younger one.
    expect((await files.status(pathOf(held.lease.key))).modifiedAtWallMs).toBe(Number(held.lease.claimedAt));
    expect({ ...after, ExpiresAt: "" }).toEqual({ ...JSON.parse(before ?? ""), ExpiresAt: "" });
    await seconds(10 * 86_400);
    expect(kept.fate).toBe("kept");
    expect(log.lines).toEqual([]);
  });

  test("is not renewed over what another has written while the lock was awaited", async () => {
    const timing = { ...FILE_STORE_TIMING, leaseTtlMs: 60_000 };
    const brief = open(2, log, timing);
    const held = await acquire(brief);
    const kept = hold(held, brief);
    await seconds(19);
    files.put(LOCK, "");
    await seconds(5);
    const text = `{"PublicIP":"${nodeIp(9)}"}`;
    put(held.lease.key, text);
    await files.unlink(LOCK);
    await seconds(10);
    expect([textOf(held.lease.key), kept.fate]).toEqual([
      text,
      `lost: ${held.lease.key} was rewritten by another writer`,
    ]);
  });

  test("with a short time to live is renewed after a third of it", async () => {
    const timing = { ...FILE_STORE_TIMING, leaseTtlMs: 60_000 };
    const brief = open(2, log, timing);
    const held = await acquire(brief);
    hold(held, brief);
    const before = textOf(held.lease.key);
    await seconds(16);
    expect(textOf(held.lease.key)).toBe(before);
    await seconds(10);
    expect(textOf(held.lease.key)).not.toBe(before);
  });

  test.each<[string, (key: string) => void, string]>([
    ["it is deleted", (key) => void files.unlink(pathOf(key)), "was deleted or has expired"],
    [
      "another writes it",
      (key) => put(key, `{"PublicIP":"${nodeIp(9)}"}`),
      "was rewritten by another writer",
    ],
    ["it cannot be read", (key) => put(key, "{"), "was rewritten by another writer, and cannot be read"],
    [
      "it is no file",
      (key) => {
        disk.change([[pathOf(key), disk.inode("directory", 0o755)]], "open");
      },
      "was rewritten by another writer, and cannot be read",
    ],
    [
      "another copies its owner's name",
      (key) => put(key, (textOf(key) ?? "").replace(nodeIp(1), nodeIp(9))),
      "was rewritten by another writer",
    ],
    [
      "another owner has its content",
      (key) => put(key, (textOf(key) ?? "").replace(/"Owner":"./, '"Owner":"x')),
      "was rewritten by another writer",
    ],
  ])("is lost when %s", async (_what, change, reason) => {
    await store.configure("{}", stop.signal);
    const held = await acquire();
    const kept = hold(held);
    await seconds(12);
    expect(kept.fate).toBe("kept");
    change(held.lease.key);
    await seconds(12);
    expect(kept.fate).toBe(`lost: ${held.lease.key} ${reason}`);
  });

  test("is not lost where the whole directory is away, which a missing configuration shows", async () => {
    const held = await acquire();
    const kept = hold(held);
    await seconds(1);
    await files.unlink(pathOf(held.lease.key));
    await seconds(12);
    expect(kept.fate).toBe("kept");
    expect(log.warnings().at(-1)).toMatchObject({
      message: "lease not renewed, will retry",
      fields: {
        op: "keep-lease",
        key: held.lease.key,
        store: "file",
        reason: expect.stringContaining("ENOENT"),
      },
    });
  });

  test("is not lost by its own publications, of which the last sixteen are known", async () => {
    const held = await acquire();
    const first = textOf(held.lease.key) ?? "";
    const publish = async (number: number) =>
      acquire(store, V4, content(nodeIp(1), null, { type: `type${number}`, data: { v4: null, v6: null } }));
    for (let number = 0; number < 15; number++) await publish(number);
    for (let repeat = 0; repeat < 5; repeat++) await publish(14);
    put(held.lease.key, first);
    const kept = hold(held);
    await seconds(12);
    expect(kept.fate).toBe("kept");
    await publish(15);
    put(held.lease.key, first);
    await seconds(12);
    expect(kept.fate).toBe(`lost: ${held.lease.key} was rewritten by another writer`);
  });
});

describe("a lock", () => {
  test("of a killed daemon is broken after ten seconds, with a line", async () => {
    files.put(LOCK, "");
    const began = clock.nowMs();
    await acquire();
    const waitedMs = clock.nowMs() - began;
    const isBrokenInTime = waitedMs >= 10_000 && waitedMs < 10_100;
    expect(isBrokenInTime).toBe(true);
    expect(log.lines).toMatchObject([
      { level: "warn", message: "lock of a killed daemon broken", fields: { op: "lock-leases" } },
    ]);
    expect(names("/leases")).toEqual(["subnets"]);
  });

  test("that others take in turn is waited for", async () => {
    const acquired = acquire();
    let isTaken = false;
    acquired.then(() => {
      isTaken = true;
    });
    for (let turn = 0; turn < 6; turn++) {
      files.put(LOCK, "");
      await seconds(5);
      expect(isTaken).toBe(turn === 0 ? isTaken : false);
      if (isTaken) return;
    }
    await files.unlink(LOCK);
    await seconds(1);
    expect(isTaken).toBe(true);
    expect(messages("warn")).toEqual([]);
  });

  test("is broken by one of many, and then each has it in turn", async () => {
    files.put(LOCK, "");
    const stores = Array.from({ length: 8 }, (_, index) => open(index + 1, log));
    const held = await Promise.all(
      stores.map((each, index) => acquire(each, V4, content(nodeIp(index + 1)))),
    );
    expect(new Set(held.map(({ lease }) => lease.key)).size).toBe(8);
    expect(messages("warn")).toEqual(["lock of a killed daemon broken"]);
    expect(names("/leases")).toEqual(["subnets"]);
  });

  test("is waited for no longer than the daemon runs", async () => {
    files.put(LOCK, "");
    const acquiring = failureOf(acquire());
    await seconds(1);
    stop.abort(new Error("stopped"));
    expect(await acquiring).toMatchObject({ message: "stopped" });
  });
});

describe("snapshots", () => {
  test("have what is created, changed, deleted and expired", async () => {
    store = open(1, log, SELDOM);
    const { keys, seen } = read();
    await seconds(1);
    expect(seen).toEqual([{ leases: [], junk: [] }]);
    const { lease } = await acquire(open(2), V4, content(nodeIp(2)));
    await seconds(2);
    expect(keys()).toEqual([lease.key]);
    expect(seen.at(-1)?.leases).toEqual([lease]);
    await acquire(open(2), V4, { ...HOST_GW, publicIps: content(nodeIp(2)).publicIps });
    await seconds(2);
    expect(seen.at(-1)?.leases).toMatchObject([{ offers: HOST_GW.offers }]);
    await store.release(lease.key, stop.signal);
    await seconds(2);
    expect(keys()).toEqual([]);
    await acquire(open(2), V4, content(nodeIp(2)));
    await seconds(87_000);
    expect(keys()).toEqual([]);
    expect(log.lines).toEqual([]);
  });

  test("are not yielded where nothing changed", async () => {
    await acquire(open(2), V4, content(nodeIp(2)));
    const { seen } = read();
    await seconds(600);
    expect(seen).toHaveLength(1);
  });

  test("come from polls where the file system reports nothing", async () => {
    disk.watch = () => {
      throw new Error("inotify limit");
    };
    const { keys } = read();
    await seconds(20);
    const { lease } = await acquire(open(2), V4, content(nodeIp(2)));
    await seconds(6);
    expect(keys()).toEqual([lease.key]);
    expect(log.warnings()).toMatchObject([
      {
        message: "directory not watched, polling only",
        fields: { op: "watch-directory", path: "/leases/subnets", reason: "inotify limit" },
      },
    ]);
  });

  test("have one watch of the directory, which ends with their reader", async () => {
    let open = 0;
    let opened = 0;
    const watch = disk.watch.bind(disk);
    disk.watch = (path, events) => {
      const watcher = watch(path, events);
      open += 1;
      opened += 1;
      return {
        close: () => {
          open -= 1;
          watcher.close();
        },
      };
    };
    const ended = new AbortController();
    const snapshots = store.snapshots(ended.signal);
    await snapshots.next();
    const next = snapshots.next().catch((error: unknown) => error);
    await seconds(60);
    expect([open, opened]).toEqual([1, 1]);
    ended.abort(new Error("stopped"));
    await next;
    await seconds(1);
    expect(open).toBe(0);
  });

  test("name what cannot be read, of which others are read", async () => {
    put("10.5.1.0-24", "{");
    put("10.5.3.0-24", `{"PublicIP":"${nodeIp(3)}"}${" ".repeat(5_000)}`);
    files.put("/leases/subnets/.tweed-other.json", "{");
    const { lease } = await acquire(open(2), V4, content(nodeIp(2)));
    const { seen, keys } = read();
    await seconds(1);
    expect(keys()).toEqual([lease.key]);
    expect(seen[0]?.junk.map(({ key }) => key).sort()).toEqual(["10.5.1.0-24", "10.5.3.0-24"]);
    expect(log.warnings().map(({ fields }) => fields.reason)).toContainEqual(
      expect.stringMatching(/^read lease: it has 50\d\d bytes, at most 4096 are read$/),
    );
  });

  test("stay as they are while the directory cannot be read", async () => {
    const { lease } = await acquire(open(2), V4, content(nodeIp(2)));
    const { keys, seen } = read();
    await seconds(1);
    const list = MemoryFiles.prototype.list;
    MemoryFiles.prototype.list = async () => {
      throw new Error("EIO: i/o error");
    };
    try {
      await seconds(12);
      expect(store.health.outage?.reason).toBe("/leases/subnets cannot be read: EIO: i/o error");
      expect(log.warnings()[0]).toMatchObject({
        message: "lease directory not read, will retry",
        fields: { op: "read-leases", reason: "EIO: i/o error" },
      });
    } finally {
      MemoryFiles.prototype.list = list;
    }
    await seconds(12);
    expect(store.health.outage).toBeNull();
    expect([keys(), seen.length]).toEqual([[lease.key], 1]);
  });

  test("read only what changed", async () => {
    for (let third = 1; third <= 100; third++) put(`10.5.${third}.0-24`, `{"PublicIP":"${nodeIp(third)}"}`);
    const { seen } = read();
    await seconds(1);
    const reads: string[] = [];
    const original = MemoryFiles.prototype.read;
    MemoryFiles.prototype.read = function (path, ...rest) {
      reads.push(path);
      return original.call(this, path, ...rest);
    };
    try {
      put("10.5.7.0-24", `{"PublicIP":"192.0.2.200"}`);
      await seconds(30);
    } finally {
      MemoryFiles.prototype.read = original;
    }
    expect(reads).toEqual([pathOf("10.5.7.0-24")]);
    expect([seen[0]?.leases.length, seen.at(-1)?.leases.length]).toEqual([100, 100]);
  });

  test("hide a lease when both clocks say that it has expired, and show it when a wrong one is set right", async () => {
    store = open(1, log, SELDOM);
    const { lease } = await acquire(open(2), V4, content(nodeIp(2)));
    const { keys } = read();
    await seconds(1);
    clock.stepWall(2 * DAY_MS);
    await seconds(700);
    expect(keys()).toEqual([lease.key]);
    await seconds(86_400);
    expect(keys()).toEqual([]);
    clock.stepWall(-3 * DAY_MS);
    await seconds(700);
    expect(keys()).toEqual([lease.key]);
  });
});

describe("an operator's command", () => {
  test("writes the configuration with one newline, whole", async () => {
    await store.configure('{"Network":"10.244.0.0/16"}\n\n', stop.signal);
    expect(files.text("/leases/config.json")).toBe('{"Network":"10.244.0.0/16"}\n');
    expect(names("/leases").sort()).toEqual(["config.json", "subnets"]);
  });

  test("lists leases, also those that expired up to two days ago, and refuses in an empty directory", async () => {
    await store.configure("{}", stop.signal);
    const { lease } = await acquire();
    await seconds(3 * 86_400 - 1);
    expect(await store.list(stop.signal)).toMatchObject([{ key: lease.key }]);
    await seconds(2);
    expect(await store.list(stop.signal)).toEqual([]);
    await files.unlink("/leases/config.json");
    expect(await failureOf(store.list(stop.signal))).toMatchObject({
      code: "store-emptied",
      message: expect.stringContaining("the network configuration /leases/config.json is missing as well"),
    });
    expect(
      await failureOf(
        new FileStore({ directory: "/absent" }, { clock, files, log, random: seededRandom(1) }).list(
          stop.signal,
        ),
      ),
    ).toMatchObject({
      code: "store-unavailable",
      message: expect.stringMatching(/^list leases: ENOENT/),
    });
  });

  test("finds the lease of before a restart, which has not expired, and none in a directory that is not there", async () => {
    const asked = { content: OWN, previousSubnets: NO_SUBNETS };
    expect(await store.previous(asked, stop.signal)).toBeNull();
    const { lease } = await acquire();
    expect(await store.previous(asked, stop.signal)).toMatchObject(lease);
    await seconds(86_401);
    expect(await store.previous(asked, stop.signal)).toBeNull();
    files.put("/file", "");
    const wrong = new FileStore({ directory: "/file" }, { clock, files, log, random: seededRandom(1) });
    expect(await failureOf(wrong.previous(asked, stop.signal))).toMatchObject({
      code: "store-unavailable",
      message: expect.stringMatching(/^find the previous lease: ENOTDIR/),
    });
  });

  test("releases a lease, and names one that is not there, or is no lease", async () => {
    await store.configure("{}", stop.signal);
    const { lease } = await acquire();
    await store.release(lease.key, stop.signal);
    expect(names()).toEqual([]);
    for (const key of [lease.key, "../config"]) {
      expect(await failureOf(store.release(key, stop.signal))).toMatchObject({ code: "no-such-lease" });
    }
    expect(files.text("/leases/config.json")).toBe("{}\n");
  });

  test("that only reads names a wrong path, and makes no directory", async () => {
    const reader = open(1, log, FILE_STORE_TIMING, false);
    const failure = await failureOf(reader.snapshots(stop.signal).next());
    expect(failure).toMatchObject({
      code: "no-such-store",
      message: expect.stringMatching(
        /^open the file store \/leases: ENOENT.*; expected the daemons' directory of --store-path$/,
      ),
    });
    expect(await failureOf(reader.configure("{}", stop.signal))).toMatchObject({ code: "no-such-store" });
    expect(disk.find("/leases", "open")).toBeNull();
  });

  test("of a command that was given up does nothing", async () => {
    stop.abort(new Error("stopped"));
    for (const command of [
      store.list(stop.signal),
      store.previous({ content: OWN, previousSubnets: NO_SUBNETS }, stop.signal),
    ])
      await expect(command).rejects.toThrow("stopped");
  });
});
