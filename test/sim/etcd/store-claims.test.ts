/** One store's requests to etcd: what it writes, what it finds, what ends its lease. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { withAddresses } from "../../../src/lease/etcd/holding.ts";
import type { Lease, LeaseContent } from "../../../src/lease/lease.ts";
import {
  content,
  hostIdentity,
  NO_SUBNETS,
  network,
  nodeIp,
  request,
  subnets,
  TWENTY_DUAL,
} from "../../support/lease-fixtures.ts";
import type { RecordingLog } from "../../support/recording-log.ts";
import type { SimulatedEtcdStore } from "./simulated-etcd-store.ts";
import { CONFIG_KEY, hostOf, SingleEtcdStore, SUBNETS } from "./single-store.ts";

const CONFIG = network({ Network: "10.5.0.0/16" });
const ONE = network({ Network: "10.5.0.0/16", SubnetMin: "10.5.1.0", SubnetMax: "10.5.1.0" });
const OWN = content(nodeIp(1));
const HOST_GW = content(nodeIp(1), null, { type: "host-gw", data: { v4: null, v6: null } });
const IDENTITY = hostIdentity();

let bed: SingleEtcdStore;
let etcd: SimulatedEtcdStore;
let log: RecordingLog;
beforeEach(async () => {
  bed = new SingleEtcdStore();
  ({ etcd, log } = bed);
  await bed.begin();
});
afterEach(() => bed.close());

const acquire = (config = CONFIG, published: LeaseContent = OWN, previous = NO_SUBNETS) =>
  bed.store.acquire({ ...request(config, published, previous), identity: IDENTITY }, bed.signal);
const seconds = (count: number) => bed.clock.sleep(count * 1_000);
const failureOf = (promise: Promise<unknown>) => promise.catch((error: unknown) => error);

/** The etcd leases that were granted from now on, and live. */
function grants(): () => number {
  const granted: string[] = [];
  const { leases } = etcd.server.data;
  const grant = leases.grant.bind(leases);
  leases.grant = (id, ...rest) => {
    granted.push(id);
    return grant(id, ...rest);
  };
  return () => granted.filter((id) => leases.has(id)).length;
}

/** Runs before the next transaction, as another writer that is faster. */
function beforeTxn(act: () => void, times = 1): void {
  let left = times;
  bed.beforeRequest = (method) => {
    if (method !== "txn" || left === 0) return;
    left -= 1;
    act();
  };
}

describe("a claim", () => {
  test("creates the key, with a lease of etcd, and says when it expires", async () => {
    const { lease, expiresAtMs, takenFrom } = await acquire();
    expect(bed.keys()).toEqual([lease.key]);
    const [entry] = bed.entries();
    expect(lease).toMatchObject({
      claimedAt: BigInt(entry?.createRevision ?? 0),
      identity: IDENTITY,
      ...OWN,
    });
    expect(entry?.leaseId).not.toBe("0");
    const leftMs = (expiresAtMs ?? 0) - bed.clock.nowMs();
    const isTimeToLive = leftMs > 119_000 && leftMs <= 120_000;
    expect(isTimeToLive).toBe(true);
    expect(takenFrom).toBeNull();
    expect(log.lines).toEqual([]);
  });

  test("again finds the same key, and writes only what differs", async () => {
    const { lease } = await acquire();
    const leaseId = bed.entries()[0]?.leaseId;
    const before = bed.revision;
    expect((await acquire()).lease).toEqual(lease);
    expect(bed.revision).toBe(before);
    const other = content(nodeIp(1), null, { type: "host-gw", data: { v4: null, v6: null } });
    expect((await acquire(CONFIG, other)).lease).toEqual({ ...lease, ...other });
    expect(bed.revision).toBe(before + 1);
    expect(bed.entries().map(({ leaseId }) => leaseId)).toEqual([leaseId]);
    expect(log.lines).toEqual([]);
    expect(etcd.leases()).toEqual([{ ...lease, ...other }]);
  });

  test("on a reservation gives it no time to live", async () => {
    bed.put("10.5.7.0-24", `{"PublicIP":"${nodeIp(1)}"}`);
    const { lease, expiresAtMs } = await acquire();
    expect([lease.key, expiresAtMs]).toEqual(["10.5.7.0-24", null]);
    expect(bed.entries().map(({ leaseId }) => leaseId)).toEqual(["0"]);
    bed.hold({ lease, expiresAtMs });
    await seconds(1_000);
    expect(bed.keys()).toEqual(["10.5.7.0-24"]);
  });

  test("on a key whose lease of etcd has expired gets another", async () => {
    await acquire();
    const before = bed.entries()[0]?.leaseId ?? "";
    const living = grants();
    etcd.server.data.leases.expire(before, bed.clock.nowMs());
    const { lease } = await acquire();
    expect(bed.keys()).toEqual([lease.key]);
    expect(bed.entries()[0]?.leaseId).not.toBe(before);
    expect(living()).toBe(1);
  });

  test("that another makes first is another subnet, and leaves no lease of etcd", async () => {
    const living = grants();
    beforeTxn(() => bed.put("10.5.9.0-24", `{"PublicIP":"${nodeIp(9)}"}`));
    const { lease } = await acquire(CONFIG, OWN, subnets("10.5.9.0-24"));
    expect(lease.key).not.toBe("10.5.9.0-24");
    expect(bed.keys()).toEqual(["10.5.9.0-24", lease.key].sort());
    expect(living()).toBe(1);
    expect(log.lines).toMatchObject([
      {
        level: "info",
        message: "subnet claimed by another node, trying another",
        fields: { op: "acquire-lease", attempt: 1 },
      },
    ]);
  });

  test("is not published over what another has written meanwhile", async () => {
    const { lease } = await acquire();
    const text = `{"PublicIP":"${nodeIp(9)}"}`;
    beforeTxn(() => bed.put(lease.key, text));
    const next = await acquire(CONFIG, HOST_GW);
    expect(next.lease.key).not.toBe(lease.key);
    expect(String(bed.entries().find(({ key }) => key === SUBNETS + lease.key)?.value)).toBe(text);
  });

  test("does not delete a stale lease that another has written meanwhile", async () => {
    const { lease } = await acquire();
    beforeTxn(() => bed.put(lease.key, `{"PublicIP":"${nodeIp(9)}"}`));
    await acquire(network({ Network: "10.6.0.0/16" }));
    expect(bed.keys()).toContain(lease.key);
  });

  test("that fails leaves its lease of etcd to expire where it cannot be revoked", async () => {
    bed.beforeRequest = (method) => {
      if (method === "txn") bed.put("10.5.1.0-24", "{}");
      if (method === "leaseRevoke") etcd.partition(hostOf(1), true);
    };
    expect(await failureOf(acquire(ONE))).toMatchObject({ code: "store-unavailable" });
    expect(log.warnings().find(({ fields }) => fields.op === "revoke-an-etcd-lease")).toMatchObject({
      message: "unused lease left to expire",
      fields: { reason: "no result within 5 s" },
    });
  });

  test("that loses 64 times is given up, and may be tried again", async () => {
    let lost = 0;
    const txn = etcd.server.request.bind(etcd.server);
    etcd.server.request = (method, ...rest) => {
      const answer = txn(method, ...rest);
      if (method !== "txn") return answer;
      lost += 1;
      return { ...(answer as object), succeeded: false };
    };
    const failure = await failureOf(acquire());
    expect([lost, failure]).toEqual([
      64,
      expect.objectContaining({
        code: "lease-contended",
        retryable: true,
        message: "acquire lease: 64 claims in a row were lost to other nodes",
      }),
    ]);
  });

  test("of the last subnet is tried again after a lost race, as its holder may release it", async () => {
    let listings = 0;
    beforeTxn(() => bed.put("10.5.1.0-24", `{"PublicIP":"${nodeIp(9)}"}`));
    const race = bed.beforeRequest;
    bed.beforeRequest = (method) => {
      race(method, null);
      if (method !== "range") return;
      listings += 1;
      if (listings === 4) bed.delete(`${SUBNETS}10.5.1.0-24`);
    };
    expect((await acquire(ONE)).lease.key).toBe("10.5.1.0-24");
    expect(listings).toBe(4);
  });

  test("of the last subnet is given up after eight", async () => {
    beforeTxn(() => bed.put("10.5.1.0-24", `{"PublicIP":"${nodeIp(9)}"}`));
    expect(await failureOf(acquire(ONE))).toMatchObject({ code: "out-of-subnets" });
    expect(bed.requests.filter((method) => method === "range")).toHaveLength(9);
    expect(log.lines.filter(({ level }) => level === "info").map(({ fields }) => fields.attempt)).toEqual([
      ...[1, 2, 3, 4, 5, 6, 7, 8],
    ]);
  });

  test("deletes the own lease outside of the network, with a line", async () => {
    const { lease } = await acquire();
    const next = await acquire(network({ Network: "10.6.0.0/16" }));
    expect(bed.keys()).toEqual([next.lease.key]);
    expect(log.lines).toMatchObject([
      {
        level: "info",
        message: "own lease deleted, it is outside the network or a second one",
        fields: { op: "delete-lease", key: lease.key, store: "etcd" },
      },
    ]);
  });

  test("passes over keys that are no leases, and leaves the subnets of unreadable ones", async () => {
    bed.put("junk", "{}");
    bed.put("10.5.1.0-24", "{");
    await expect(acquire(ONE)).rejects.toMatchObject({ code: "out-of-subnets" });
    expect(bed.keys()).toEqual(["10.5.1.0-24", "junk"]);
  });

  test("of several nodes for few subnets gives each of them one, and the last one none", async () => {
    const five = network({ Network: "10.5.0.0/16", SubnetMin: "10.5.1.0", SubnetMax: "10.5.5.0" });
    const stores = await Promise.all(Array.from({ length: 6 }, (_, index) => bed.open(index + 2)));
    const results = await Promise.allSettled(
      stores.map((each, index) => each.acquire(request(five, content(nodeIp(index + 2))), bed.signal)),
    );
    const got = results.flatMap((each) => (each.status === "fulfilled" ? [each.value.lease.key] : []));
    const lost = results.flatMap((each) => (each.status === "rejected" ? [each.reason] : []));
    expect(got.sort()).toEqual([1, 2, 3, 4, 5].map((third) => `10.5.${third}.0-24`));
    expect(lost).toMatchObject([{ code: "out-of-subnets" }]);
    expect(bed.keys()).toEqual(got);
  });

  test("of both families that loses one of them gives the other back, and leaves no lease of etcd", async () => {
    const living = grants();
    const stores = await Promise.all(Array.from({ length: 12 }, (_, index) => bed.open(index + 2)));
    const held = await Promise.all(
      stores.map((each, index) => {
        const published = content(nodeIp(index + 2), `2001:db8::${index + 2}`);
        return each.acquire(request(TWENTY_DUAL, published), bed.signal);
      }),
    );
    const taken = held.flatMap(({ lease }) => [lease.subnets.v4, lease.subnets.v6]);
    expect(new Set(taken).size).toBe(24);
    expect(bed.keys()).toEqual(held.map(({ lease }) => lease.key).sort());
    expect(bed.requests.filter((method) => method === "leaseGrant").length).toBeGreaterThan(12);
    expect(living()).toBe(12);
  });
});

describe("a lease that is held", () => {
  const publish = (held: Lease, published: LeaseContent, config = CONFIG) =>
    bed.store.acquire({ ...request(config, published), held, identity: IDENTITY }, bed.signal);

  test("gets other offers without a listing of all leases", async () => {
    const { lease } = await acquire();
    bed.requests.length = 0;
    expect((await publish(lease, HOST_GW)).lease).toEqual({ ...lease, ...HOST_GW });
    expect(bed.requests).not.toContain("range");
    expect(etcd.leases()).toMatchObject([{ key: lease.key, ...HOST_GW }]);
  });

  test.each<[string, (held: Lease) => Promise<unknown>]>([
    ["has another address", (held) => publish(held, content(nodeIp(2)))],
    ["is outside the network", (held) => publish(held, HOST_GW, network({ Network: "10.6.0.0/16" }))],
    [
      "was written by another",
      (held) => {
        bed.put(held.key, `{"PublicIP":"${nodeIp(1)}"}`);
        return publish(held, HOST_GW);
      },
    ],
  ])("is looked for in a listing where it %s", async (_what, act) => {
    const { lease } = await acquire();
    bed.requests.length = 0;
    await act(lease);
    expect(bed.requests).toContain("range");
    expect(etcd.leases()).toHaveLength(1);
  });

  test("is renewed before it expires, and its key is not written", async () => {
    const kept = bed.hold(await acquire());
    const before = bed.revision;
    let renewals = 0;
    const keepAlive = etcd.server.keepAlive.bind(etcd.server);
    etcd.server.keepAlive = (id) => {
      renewals += 1;
      return keepAlive(id);
    };
    await seconds(3_600);
    expect([kept.fate, bed.revision]).toEqual(["kept", before]);
    // A minute before the end of two, and up to a tenth of that earlier.
    expect(renewals).toBeGreaterThanOrEqual(59);
    expect(renewals).toBeLessThanOrEqual(67);
    expect(log.lines).toEqual([]);
  });

  test("is read before each renewal, so its loss is noticed where the watch is silent", async () => {
    const held = await acquire();
    const kept = bed.hold(held);
    await seconds(5);
    etcd.silenceWatch(hostOf(1), true);
    bed.put(held.lease.key, `{"PublicIP":"${nodeIp(9)}"}`);
    await seconds(70);
    expect(kept.fate).toBe(`lost: ${SUBNETS}${held.lease.key} was rewritten by another writer`);
  });

  test("is lost when etcd does not know its lease any more", async () => {
    const held = await acquire();
    const kept = bed.hold(held);
    etcd.server.keepAlive = (ID) => ({
      header: { cluster_id: "", member_id: "", revision: "1", raft_term: "1" },
      ID,
      TTL: "0",
    });
    await seconds(70);
    expect(kept.fate).toBe(`lost: ${SUBNETS}${held.lease.key} has expired`);
  });

  const key = async () => {
    const held = await acquire();
    const kept = bed.hold(held);
    await seconds(5);
    return { key: held.lease.key, kept };
  };

  test("is lost when it is deleted", async () => {
    const { key: own, kept } = await key();
    etcd.releaseLease(own);
    await seconds(5);
    expect(kept.fate).toBe(`lost: ${SUBNETS}${own} was deleted or has expired`);
  });

  test("is lost when another writes it", async () => {
    const { key: own, kept } = await key();
    bed.put(own, `{"PublicIP":"${nodeIp(9)}"}`);
    await seconds(5);
    expect(kept.fate).toBe(`lost: ${SUBNETS}${own} was rewritten by another writer`);
  });

  test("is not lost by its own publications", async () => {
    const { kept } = await key();
    for (const type of ["host-gw", "ipip", "udp"]) {
      await acquire(CONFIG, content(nodeIp(1), null, { type, data: { v4: null, v6: null } }));
      await seconds(2);
    }
    expect(kept.fate).toBe("kept");
  });

  test("is not the one of another key", async () => {
    const first = await acquire();
    await acquire(network({ Network: "10.6.0.0/16" }));
    expect(await bed.store.holdUntilLost(first, bed.signal)).toBe(
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
      fields: {
        op: "renew-lease",
        code: "store-unavailable",
        attempt: 1,
        reason: expect.stringContaining("list "),
      },
    });
    await seconds(120);
    expect(log.warnings().at(-1)?.message).toBe("lease not renewed before its expiry, will retry");
    const count = log.warnings().filter(({ fields }) => fields.op === "renew-lease").length;
    expect(count).toBeGreaterThan(5);
    expect(count).toBeLessThan(60);
  });

  test("that another node holds since a backup was restored is lost", async () => {
    bed.put("10.5.7.0-24", `{"PublicIP":"${nodeIp(9)}"}`);
    etcd.backup();
    etcd.releaseLease("10.5.7.0-24");
    const held = await acquire(CONFIG, OWN, subnets("10.5.7.0-24"));
    expect(held.lease.key).toBe("10.5.7.0-24");
    const kept = bed.hold(held);
    await seconds(5);
    etcd.restore();
    await seconds(30);
    expect(kept.fate).toBe(
      `lost: ${SUBNETS}10.5.7.0-24 belongs to another node since etcd was restored to an earlier state`,
    );
  });

  test("is not written over another that has its revision since a backup was restored", async () => {
    const { lease } = await acquire();
    const publish = (published: LeaseContent) =>
      bed.store.acquire({ ...request(CONFIG, published), identity: IDENTITY, held: lease }, bed.signal);
    etcd.backup();
    for (const published of [HOST_GW, OWN]) await publish(published);
    const { revision } = bed;
    etcd.server.restore(false);
    bed.delete(SUBNETS + lease.key);
    bed.put(lease.key, `{"PublicIP":"${nodeIp(9)}"}`);
    expect(bed.revision).toBe(revision);
    await publish(HOST_GW);
    expect(etcd.leases()).toContainEqual(
      expect.objectContaining({ key: lease.key, publicIps: content(nodeIp(9)).publicIps }),
    );
  });

  test("is written again where etcd went back before the watch had brought the last write", async () => {
    const kept = bed.hold(await acquire());
    await seconds(5);
    etcd.backup();
    etcd.silenceWatch(hostOf(1), true);
    await acquire(CONFIG, HOST_GW);
    const { revision } = bed;
    etcd.network.restart(() => etcd.server.restore(false));
    // Far beyond the revision of that write, on other keys.
    while (bed.revision < revision + 5) bed.put("10.5.250.0-24", `{"PublicIP":"${nodeIp(8)}"}`);
    etcd.silenceWatch(hostOf(1), false);
    await seconds(30);
    expect(kept.fate).toBe("kept");
    expect(etcd.leases()).toContainEqual(expect.objectContaining(HOST_GW));
  });

  test("that another writer rewrites is lost to it, also after a restored backup and a compaction", async () => {
    const held = await acquire();
    const kept = bed.hold(held);
    await seconds(5);
    etcd.backup();
    etcd.network.restart(() => etcd.server.restore(true));
    await seconds(30);
    expect(kept.fate).toBe("kept");
    etcd.partition(hostOf(1), true);
    await seconds(30);
    bed.put(held.lease.key, `{"PublicIP":"${nodeIp(9)}"}`);
    bed.delete(CONFIG_KEY);
    etcd.compact();
    etcd.partition(hostOf(1), false);
    await seconds(60);
    expect(kept.fate).toBe(`lost: ${SUBNETS}${held.lease.key} was rewritten by another writer`);
  });

  test("of an older state since a backup was restored is published again", async () => {
    const held = await acquire();
    const kept = bed.hold(held);
    etcd.backup();
    const other = { ...HOST_GW, publicIps: content(nodeIp(2)).publicIps };
    await acquire(CONFIG, other);
    await seconds(5);
    etcd.restore();
    await seconds(30);
    expect(kept.fate).toBe("kept");
    expect(etcd.leases()).toMatchObject([{ key: held.lease.key, ...other }]);
    expect(log.warnings().at(-1)).toMatchObject({
      message: "etcd was restored to an earlier state, lease updated",
      fields: { op: "keep-lease", key: held.lease.key, subnet: held.lease.subnets },
    });
  });
});

describe("after a backup was restored, a lease without an identity", () => {
  const anonymous = (published: LeaseContent) => bed.store.acquire(request(CONFIG, published), bed.signal);

  test("is this node's by an address that it has published before", async () => {
    const held = await anonymous(OWN);
    const kept = bed.hold(held);
    etcd.backup();
    await bed.store.acquire({ ...request(CONFIG, content(nodeIp(2))), held: held.lease }, bed.signal);
    await seconds(5);
    etcd.restore();
    await seconds(30);
    expect(kept.fate).toBe("kept");
    expect(etcd.leases()).toMatchObject([{ key: held.lease.key, ...content(nodeIp(2)) }]);
  });

  test("is another's where the identity is of another host, at the same address", async () => {
    const other = { ...request(CONFIG, OWN), identity: hostIdentity() };
    const store = await bed.open(2);
    const { lease } = await store.acquire(other, bed.signal);
    etcd.backup();
    etcd.releaseLease(lease.key);
    const held = await acquire(CONFIG, OWN, lease.subnets);
    expect(held.lease.key).toBe(lease.key);
    const kept = bed.hold(held);
    await seconds(5);
    etcd.restore();
    await seconds(30);
    expect(kept.fate).toBe(
      `lost: ${SUBNETS}${lease.key} belongs to another node since etcd was restored to an earlier state`,
    );
  });
});

test("the addresses of a lease are its last sixteen, newest first, each once", () => {
  const ips = (index: number) => content(nodeIp(index)).publicIps;
  const known = Array.from({ length: 16 }, (_, index) => ips(index + 1));
  expect(withAddresses(known, ips(3))).toEqual([ips(3), ...known.filter((_, index) => index !== 2)]);
  expect(withAddresses(known, ips(20))).toEqual([ips(20), ...known.slice(0, 15)]);
});

describe("the configuration", () => {
  test("is yielded when its text is another, and its absence is one line each time", async () => {
    bed.delete(CONFIG_KEY);
    const texts: string[] = [];
    (async () => {
      for await (const text of bed.store.configurations(bed.signal)) texts.push(text);
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
      await bed.store.configure(text, bed.signal);
      await seconds(2);
    }
    bed.delete(CONFIG_KEY);
    await seconds(5);
    expect(log.warnings().filter(({ fields }) => fields.op === missing.op)).toHaveLength(2);
    await bed.store.configure("second", bed.signal);
    await bed.store.configure("third", bed.signal);
    await seconds(5);
    expect(texts).toEqual(["first", "second", "third"]);
  });
});

test("a configuration that was deleted unseen is missed", async () => {
  const texts: string[] = [];
  (async () => {
    for await (const text of bed.store.configurations(bed.signal)) texts.push(text);
  })().catch(() => undefined);
  await seconds(5);
  etcd.partition(hostOf(1), true);
  await seconds(30);
  bed.delete(CONFIG_KEY);
  bed.put("10.5.1.0-24", "{}");
  etcd.compact();
  etcd.partition(hostOf(1), false);
  await seconds(30);
  expect(log.warnings().filter(({ fields }) => fields.op === "read-configuration")).toHaveLength(1);
  await bed.store.configure("second", bed.signal);
  await seconds(2);
  expect(texts).toEqual(['{"Network":"10.5.0.0/16"}', "second"]);
});

describe("an operator's command", () => {
  test("lists the leases, and refuses where etcd was emptied", async () => {
    const { lease } = await acquire();
    bed.put("junk", "{}");
    expect(await bed.store.list(bed.signal)).toMatchObject([lease]);
    bed.delete(CONFIG_KEY);
    expect(await failureOf(bed.store.list(bed.signal))).toMatchObject({
      code: "store-emptied",
      message: expect.stringContaining(`the network configuration ${CONFIG_KEY} is missing as well`),
    });
  });

  test("releases a lease, and names one that is not there", async () => {
    const { lease } = await acquire();
    await bed.store.release(lease.key, bed.signal);
    expect(bed.keys()).toEqual([]);
    expect(await failureOf(bed.store.release(lease.key, bed.signal))).toMatchObject({
      code: "no-such-lease",
      message: expect.stringContaining(lease.key),
    });
  });

  test("finds the lease of before a restart", async () => {
    const asked = { content: OWN, identity: IDENTITY, previousSubnets: NO_SUBNETS };
    expect(await bed.store.previous(asked, bed.signal)).toBeNull();
    const { lease } = await acquire();
    expect(await bed.store.previous(asked, bed.signal)).toMatchObject(lease);
  });
});

test("snapshots have what can be read, and name what cannot", async () => {
  const { lease } = await acquire();
  bed.put("junk", "{}");
  const snapshots = bed.store.snapshots(bed.signal)[Symbol.asyncIterator]();
  const first = await snapshots.next();
  expect(first.value).toEqual({ leases: [lease], junk: [expect.objectContaining({ key: "junk" })] });
  etcd.releaseLease(lease.key);
  expect((await snapshots.next()).value).toMatchObject({ leases: [] });
});
