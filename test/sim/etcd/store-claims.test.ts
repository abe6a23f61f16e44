/** One store's requests to etcd: what it writes, what it finds, what ends its lease. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { EtcdTiming } from "../../../src/lease/etcd/timing.ts";
import type { LeaseContent } from "../../../src/lease/lease.ts";
import type { HeldLease, LeaseStore } from "../../../src/lease/store.ts";
import { parseIpv4 } from "../../../src/net/index.ts";
import { content, hostIdentity, NO_SUBNETS, network, nodeIp, request, subnets, TWENTY_DUAL } from "../../support/lease-fixtures.ts";
import { MemoryFiles } from "../../support/memory-files.ts";
import { RecordingLog } from "../../support/recording-log.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { NodeClock, SimulatedTime } from "../../support/simulated-time.ts";
import { Life } from "../life.ts";
import { SimulatedEtcdStore } from "./simulated-etcd-store.ts";

const SUBNETS = "/coreos.com/network/subnets/";
const CONFIG_KEY = "/coreos.com/network/config";
const CONFIG = network({ Network: "10.5.0.0/16" });
const ONE = network({ Network: "10.5.0.0/16", SubnetMin: "10.5.1.0", SubnetMax: "10.5.1.0" });
const TTL_SECONDS = 120;
const RENEW_MARGIN_MS = 60_000;
const OWN = content(nodeIp(1));
const IDENTITY = hostIdentity();

let time: SimulatedTime;
let clock: NodeClock;
let etcd: SimulatedEtcdStore;
let stop: AbortController;
let log: RecordingLog;
let store: LeaseStore;

beforeEach(async () => {
  time = new SimulatedTime();
  clock = new NodeClock(time);
  stop = new AbortController();
  await begin();
});
afterEach(async () => {
  stop.abort(new Error("the test is over"));
  await store.close();
  etcd.close();
});

async function begin(timing: Partial<EtcdTiming> = { leaseTtlSeconds: TTL_SECONDS }): Promise<void> {
  etcd = new SimulatedEtcdStore({ time, random: seededRandom(1) }, { timing, renewMarginMs: RENEW_MARGIN_MS });
  etcd.server.data.auth.setEnabled(true);
  etcd.configure('{"Network":"10.5.0.0/16"}');
  log = new RecordingLog();
  store = await open(1, log);
}

function open(index: number, ownLog = new RecordingLog()): Promise<LeaseStore> {
  const host = { name: `node${index * 5 + 1}`, ip: parseIpv4(nodeIp(index)), life: new Life(), files: new MemoryFiles() };
  return etcd.open({ ...host, clock, random: seededRandom(index), log: ownLog });
}

const acquire = (config = CONFIG, published: LeaseContent = OWN, previous = NO_SUBNETS) =>
  store.acquire({ ...request(config, published, previous), identity: IDENTITY }, stop.signal);
const seconds = (count: number) => clock.sleep(count * 1_000);
const failureOf = (promise: Promise<unknown>) => promise.catch((error: unknown) => error);
const entries = () => etcd.server.data.history.range({ first: SUBNETS, end: "/coreos.com/network/subnets0" });
const keys = () => entries().map(({ key }) => key.slice(SUBNETS.length));
const revision = () => etcd.server.data.history.revision;
const put = (key: string, value: string) =>
  etcd.server.keys.put({ key: Buffer.from(SUBNETS + key), value: Buffer.from(value) }, "unchecked");

/** Holds a lease; `fate` is why it was lost, or null so far. */
function hold(held: HeldLease) {
  const kept = { fate: null as string | null };
  store.holdUntilLost(held, stop.signal).then(
    (reason) => {
      kept.fate = reason;
    },
    () => undefined,
  );
  return kept;
}

describe("a claim", () => {
  test("creates the key, with a lease of etcd, and says when it expires", async () => {
    const { lease, expiresAtMs, takenFrom } = await acquire();
    expect(keys()).toEqual([lease.key]);
    const [entry] = entries();
    expect(lease).toMatchObject({ claimedAt: BigInt(entry?.createRevision ?? 0), identity: IDENTITY, ...OWN });
    expect(entry?.leaseId).not.toBe("0");
    expect((expiresAtMs ?? 0) - clock.nowMs()).toBeGreaterThan(119_000);
    expect((expiresAtMs ?? 0) - clock.nowMs()).toBeLessThanOrEqual(120_000);
    expect(takenFrom).toBeNull();
    expect(log.lines).toEqual([]);
  });

  test("again finds the same key, and writes only what differs", async () => {
    const { lease } = await acquire();
    const before = revision();
    expect((await acquire()).lease).toEqual(lease);
    expect(revision()).toBe(before);
    const other = content(nodeIp(1), null, { type: "host-gw", data: { v4: null, v6: null } });
    expect((await acquire(CONFIG, other)).lease).toEqual({ ...lease, ...other });
    expect(revision()).toBe(before + 1);
    expect(etcd.leases()).toEqual([{ ...lease, ...other }]);
  });

  test("on a reservation gives it no time to live", async () => {
    put("10.5.7.0-24", `{"PublicIP":"${nodeIp(1)}"}`);
    const { lease, expiresAtMs } = await acquire();
    expect([lease.key, expiresAtMs]).toEqual(["10.5.7.0-24", null]);
    expect(entries().map(({ leaseId }) => leaseId)).toEqual(["0"]);
    hold({ lease, expiresAtMs });
    await seconds(100_000);
    expect(keys()).toEqual(["10.5.7.0-24"]);
  });

  test("on a key whose lease of etcd has expired gets another", async () => {
    await acquire();
    const before = entries()[0]?.leaseId ?? "";
    etcd.server.data.leases.expire(before, clock.nowMs());
    const { lease } = await acquire();
    expect(keys()).toEqual([lease.key]);
    expect(entries()[0]?.leaseId).not.toBe(before);
  });

  test("deletes the own lease outside of the network, with a line", async () => {
    const { lease } = await acquire();
    const next = await acquire(network({ Network: "10.6.0.0/16" }));
    expect(keys()).toEqual([next.lease.key]);
    expect(log.lines).toMatchObject([
      {
        level: "info",
        message: "own lease deleted, it is outside the network or a second one",
        fields: { op: "delete-lease", key: lease.key, store: "etcd" },
      },
    ]);
  });

  test("passes over keys that are no leases, and leaves the subnets of unreadable ones", async () => {
    put("junk", "{}");
    put("10.5.1.0-24", "{");
    await expect(acquire(ONE)).rejects.toMatchObject({ code: "out-of-subnets" });
    expect(keys()).toEqual(["10.5.1.0-24", "junk"]);
  });

  test("of several nodes for few subnets gives each of them one, and the last one none", async () => {
    const five = network({ Network: "10.5.0.0/16", SubnetMin: "10.5.1.0", SubnetMax: "10.5.5.0" });
    const stores = await Promise.all(Array.from({ length: 6 }, (_, index) => open(index + 2)));
    const results = await Promise.allSettled(
      stores.map((each, index) => each.acquire(request(five, content(nodeIp(index + 2))), stop.signal)),
    );
    const got = results.flatMap((each) => (each.status === "fulfilled" ? [each.value.lease.key] : []));
    const lost = results.flatMap((each) => (each.status === "rejected" ? [each.reason] : []));
    expect(got.sort()).toEqual([1, 2, 3, 4, 5].map((third) => `10.5.${third}.0-24`));
    expect(lost).toMatchObject([{ code: "out-of-subnets" }]);
    expect(keys()).toEqual(got);
  });

  test("of both families that loses one of them gives the other back, and leaves no lease of etcd", async () => {
    const granted: string[] = [];
    const { leases } = etcd.server.data;
    const grant = leases.grant.bind(leases);
    leases.grant = (id, ...rest) => {
      granted.push(id);
      return grant(id, ...rest);
    };
    const stores = await Promise.all(Array.from({ length: 12 }, (_, index) => open(index + 2)));
    const held = await Promise.all(
      stores.map((each, index) => {
        const published = content(nodeIp(index + 2), `2001:db8::${index + 2}`);
        return each.acquire(request(TWENTY_DUAL, published), stop.signal);
      }),
    );
    const taken = held.flatMap(({ lease }) => [lease.subnets.v4, lease.subnets.v6]);
    expect(new Set(taken).size).toBe(24);
    expect(keys()).toEqual(held.map(({ lease }) => lease.key).sort());
    expect(granted.length).toBeGreaterThan(12);
    expect(granted.filter((id) => leases.has(id))).toHaveLength(12);
  });
});

describe("a lease that is held", () => {
  test("is renewed before it expires, and its key is not written", async () => {
    const kept = hold(await acquire());
    const before = revision();
    await seconds(3_600);
    expect([kept.fate, revision()]).toEqual([null, before]);
    expect(log.lines).toEqual([]);
  });

  const key = async () => {
    const held = await acquire();
    const kept = hold(held);
    await seconds(5);
    return { key: held.lease.key, kept };
  };

  test("is lost when it is deleted", async () => {
    const { key: own, kept } = await key();
    etcd.releaseLease(own);
    await seconds(5);
    expect(kept.fate).toBe(`${SUBNETS}${own} was deleted or has expired`);
  });

  test("is lost when another writes it", async () => {
    const { key: own, kept } = await key();
    put(own, `{"PublicIP":"${nodeIp(9)}"}`);
    await seconds(5);
    expect(kept.fate).toBe(`${SUBNETS}${own} was rewritten by another writer`);
  });

  test("is not lost by its own publications", async () => {
    const { kept } = await key();
    for (const type of ["host-gw", "ipip", "udp"]) {
      await acquire(CONFIG, content(nodeIp(1), null, { type, data: { v4: null, v6: null } }));
      await seconds(2);
    }
    expect(kept.fate).toBeNull();
  });

  test("is not the one of another key", async () => {
    const first = await acquire();
    await acquire(network({ Network: "10.6.0.0/16" }));
    expect(await store.holdUntilLost(first, stop.signal)).toBe(
      `${first.lease.key} was replaced by another lease of this node`,
    );
  });

  test("that etcd does not renew is a line for each attempt, and another once it is overdue", async () => {
    await key();
    etcd.setAway(true);
    await seconds(90);
    const messages = log.warnings().filter(({ fields }) => fields.op === "renew-lease");
    expect(messages[0]).toMatchObject({
      message: "lease not renewed, will retry",
      fields: { op: "renew-lease", code: "store-unavailable", attempt: 1, reason: expect.stringContaining("list ") },
    });
    await seconds(120);
    expect(log.warnings().at(-1)?.message).toBe("lease not renewed before its expiry, will retry");
    const count = log.warnings().filter(({ fields }) => fields.op === "renew-lease").length;
    expect(count).toBeGreaterThan(5);
    expect(count).toBeLessThan(60);
  });

  test("that another node holds since a backup was restored is lost", async () => {
    put("10.5.7.0-24", `{"PublicIP":"${nodeIp(9)}"}`);
    etcd.backup();
    etcd.releaseLease("10.5.7.0-24");
    const held = await acquire(CONFIG, OWN, subnets("10.5.7.0-24"));
    expect(held.lease.key).toBe("10.5.7.0-24");
    const kept = hold(held);
    await seconds(5);
    etcd.restore();
    await seconds(30);
    expect(kept.fate).toBe(`${SUBNETS}10.5.7.0-24 belongs to another node since etcd was restored to an earlier state`);
  });

  test("of an older state since a backup was restored is published again", async () => {
    const held = await acquire();
    const kept = hold(held);
    etcd.backup();
    const other = content(nodeIp(2), null, { type: "host-gw", data: { v4: null, v6: null } });
    await acquire(CONFIG, other);
    await seconds(5);
    etcd.restore();
    await seconds(30);
    expect(kept.fate).toBeNull();
    expect(etcd.leases()).toMatchObject([{ key: held.lease.key, ...other }]);
    expect(log.warnings().at(-1)).toMatchObject({
      message: "etcd was restored to an earlier state, lease updated",
      fields: { op: "keep-lease", key: held.lease.key, subnet: held.lease.subnets },
    });
  });
});

describe("the configuration", () => {
  test("is yielded when its text is another, and its absence is one line each time", async () => {
    etcd.server.keys.deleteRange({ key: Buffer.from(CONFIG_KEY) }, "unchecked");
    const texts: string[] = [];
    const reading = (async () => {
      for await (const text of store.configurations(stop.signal)) texts.push(text);
    })().catch(() => undefined);
    await seconds(5);
    etcd.breakWatches();
    await seconds(5);
    const missing = { op: "read-configuration", key: CONFIG_KEY };
    expect(log.warnings().filter(({ fields }) => fields.op === missing.op)).toMatchObject([
      {
        message: 'no network configuration, expected one such as {"Network": "10.244.0.0/16"} in this key',
        fields: missing,
      },
    ]);
    for (const text of ["first", "first", "second"]) {
      await store.configure(text, stop.signal);
      await seconds(2);
    }
    etcd.server.keys.deleteRange({ key: Buffer.from(CONFIG_KEY) }, "unchecked");
    await seconds(5);
    expect(log.warnings().filter(({ fields }) => fields.op === missing.op)).toHaveLength(2);
    await store.configure("second", stop.signal);
    await store.configure("third", stop.signal);
    await seconds(5);
    expect(texts).toEqual(["first", "second", "third"]);
    stop.abort();
    await reading;
  });
});

describe("an operator's command", () => {
  test("lists the leases, and refuses where etcd was emptied", async () => {
    const { lease } = await acquire();
    put("junk", "{}");
    expect(await store.list(stop.signal)).toMatchObject([lease]);
    etcd.server.keys.deleteRange({ key: Buffer.from(CONFIG_KEY) }, "unchecked");
    expect(await failureOf(store.list(stop.signal))).toMatchObject({
      code: "store-emptied",
      message: expect.stringContaining(`the network configuration ${CONFIG_KEY} is missing as well`),
    });
  });

  test("releases a lease, and names one that is not there", async () => {
    const { lease } = await acquire();
    await store.release(lease.key, stop.signal);
    expect(keys()).toEqual([]);
    expect(await failureOf(store.release(lease.key, stop.signal))).toMatchObject({
      code: "no-such-lease",
      message: expect.stringContaining(lease.key),
    });
  });

  test("finds the lease of before a restart", async () => {
    const asked = { content: OWN, identity: IDENTITY, previousSubnets: NO_SUBNETS };
    expect(await store.previous(asked, stop.signal)).toBeNull();
    const { lease } = await acquire();
    expect(await store.previous(asked, stop.signal)).toMatchObject(lease);
  });
});

test("snapshots have what can be read, and name what cannot", async () => {
  const { lease } = await acquire();
  put("junk", "{}");
  const snapshots = store.snapshots(stop.signal);
  const first = await snapshots.next();
  expect(first.value).toEqual({ leases: [lease], junk: [expect.objectContaining({ key: "junk" })] });
  etcd.releaseLease(lease.key);
  expect((await snapshots.next()).value).toMatchObject({ leases: [] });
});
