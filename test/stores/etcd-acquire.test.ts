/** Acquiring, keeping and losing leases on a real etcd. */
import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { EtcdStore } from "../../src/lease/etcd/store.ts";
import type { HostIdentity } from "../../src/lease/host-identity.ts";
import type { LeaseContent } from "../../src/lease/lease.ts";
import type { HeldLease } from "../../src/lease/store.ts";
import { overlaps } from "../../src/net/index.ts";
import { EtcdBed, PREFIX, SUBNETS } from "../support/etcd-bed.ts";
import { eventually } from "../support/eventually.ts";
import {
  content,
  flannelValue,
  hostIdentity,
  network,
  nodeIp,
  request,
  subnets,
  TWENTY,
  TWENTY_DUAL,
  V4,
  VXLAN,
} from "../support/lease-fixtures.ts";
import { MaintainedLease } from "../support/maintained-lease.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const V6_ONLY = network({
  EnableIPv4: false,
  EnableIPv6: true,
  IPv6Network: "fc00::/48",
});

let bed: EtcdBed;
beforeAll(async () => {
  bed = await EtcdBed.start();
});
afterAll(() => bed.teardown());

/** Ends whatever a test left waiting. */
let stop: AbortController;
beforeEach(() => {
  stop = new AbortController();
  setMaxListeners(0, stop.signal);
});
afterEach(async () => {
  stop.abort();
  await bed.clear();
});

/** Starts keeping, and returns once etcd watches the key. */
async function keep(store: EtcdStore, held: HeldLease): Promise<MaintainedLease> {
  await eventually(() => bed.watchers()).toBe(0);
  const kept = new MaintainedLease(store, held, stop.signal);
  await eventually(() => bed.watchers()).toBe(1);
  return kept;
}

describe("a first lease", () => {
  test("is written as flannel writes it, with a day to live", async () => {
    const clock = new VirtualClock();
    const held = await bed.store({}, {}, clock).acquire(request(V4, content(nodeIp(1))), stop.signal);
    const stored = await bed.get(held.lease.key);
    expect(stored?.value).toBe(
      '{"PublicIP":"192.0.2.1","PublicIPv6":null,"BackendType":"vxlan",' +
        '"BackendData":{"VNI":1,"VtepMAC":"0e:52:a1:00:00:07"}}',
    );
    const { grantedTTL } = await bed.client.leaseClient.leaseTimeToLive({ ID: stored?.leaseId ?? "" });
    expect(grantedTTL).toBe("86400");
    expect(held.expiresAtMs).toBe(86_400_000);
  });

  test("lies between SubnetMin and SubnetMax and overlaps nobody's, whatever its length", async () => {
    await bed.put("10.5.0.0-20", flannelValue(nodeIp(9)));
    const held = await bed.store().acquire(request(TWENTY, content(nodeIp(1))), stop.signal);
    expect(["10.5.16.0-24", "10.5.17.0-24", "10.5.18.0-24", "10.5.19.0-24", "10.5.20.0-24"]).toContain(
      held.lease.key,
    );
  });

  test("is the previous subnet when that is free", async () => {
    const wanted = subnets("10.5.34.0-24");
    const held = await bed.store().acquire(request(V4, content(nodeIp(1)), wanted), stop.signal);
    expect(held.lease.key).toBe("10.5.34.0-24");
  });

  test("is another when the previous subnet is somebody else's", async () => {
    await bed.put("10.5.34.0-24", flannelValue(nodeIp(9)));
    const wanted = subnets("10.5.34.0-24");
    const held = await bed.store().acquire(request(V4, content(nodeIp(1)), wanted), stop.signal);
    expect(held.lease.key).not.toBe("10.5.34.0-24");
    expect((await bed.get("10.5.34.0-24"))?.value).toBe(flannelValue(nodeIp(9)));
  });

  test("is refused, with what to do, when the network is full", async () => {
    for (let index = 1; index <= 20; index++)
      await bed.put(`10.5.${index}.0-24`, flannelValue(nodeIp(index)));
    const acquired = bed.store().acquire(request(TWENTY, content(nodeIp(99))), stop.signal);
    await expect(acquired).rejects.toMatchObject({
      code: "out-of-subnets",
      message: expect.stringMatching(/10\.5\.0\.0\/16.*delete leases/),
    });
  });
});

describe("a lease from an earlier life", () => {
  test("is kept over a restart, and nothing is written when nothing changed", async () => {
    const first = await bed.store().acquire(request(V4, content(nodeIp(1))), stop.signal);
    const before = await bed.get(first.lease.key);
    const txns = await bed.requests("Txn");
    const again = await bed.store().acquire(request(V4, content(nodeIp(1))), stop.signal);
    expect(again.lease).toEqual(first.lease);
    expect(await bed.get(first.lease.key)).toEqual(before);
    expect(await bed.requests("Txn")).toBe(txns);
    expect(again.expiresAtMs).not.toBeNull();
  });

  test("gets what is published now", async () => {
    const store = bed.store();
    const first = await store.acquire(request(V4, content(nodeIp(1))), stop.signal);
    const changed: LeaseContent = content(nodeIp(1), null, { type: "host-gw", data: { v4: null, v6: null } });
    const again = await store.acquire(request(V4, changed), stop.signal);
    expect(again.lease.key).toBe(first.lease.key);
    expect(again.lease.claimedAt).toBe(first.lease.claimedAt);
    expect((await bed.get(first.lease.key))?.value).toBe(flannelValue(nodeIp(1)));
  });

  test("is taken over from flannel with its time to live", async () => {
    const { ID } = await bed.client.leaseClient.leaseGrant({ TTL: 1000 });
    await bed.client
      .put(`${SUBNETS}10.5.77.0-24`)
      .value(flannelValue(nodeIp(1)))
      .lease(ID);
    const clock = new VirtualClock();
    const held = await bed.store({}, {}, clock).acquire(request(V4, content(nodeIp(1))), stop.signal);
    expect(held.lease.key).toBe("10.5.77.0-24");
    expect((await bed.get("10.5.77.0-24"))?.leaseId).toBe(ID);
    expect(held.expiresAtMs).toBe(1_000_000);
  });

  test("that no longer fits the network is replaced and deleted, other nodes' are not", async () => {
    const { ID } = await bed.client.leaseClient.leaseGrant({ TTL: 1000 });
    await bed.client
      .put(`${SUBNETS}10.99.7.0-24`)
      .value(flannelValue(nodeIp(1)))
      .lease(ID);
    await bed.client
      .put(`${SUBNETS}10.99.8.0-24`)
      .value(flannelValue(nodeIp(2)))
      .lease(ID);
    await bed.put("10.99.9.0-24", flannelValue(nodeIp(1)));
    const held = await bed.store().acquire(request(V4, content(nodeIp(1))), stop.signal);
    expect(await bed.keys()).toEqual([held.lease.key, "10.99.8.0-24", "10.99.9.0-24"].sort());
  });

  test("is found before anything is acquired", async () => {
    await bed.put("10.5.7.0-24", flannelValue(nodeIp(2)));
    const { content: published, previousSubnets } = request(V4, content(nodeIp(1)));
    const previous = () => bed.store().previous({ content: published, previousSubnets }, stop.signal);
    expect(await previous()).toBeNull();
    await bed.store().acquire(request(V4, content(nodeIp(1))), stop.signal);
    expect((await previous())?.offers).toEqual([VXLAN]);
  });
});

describe("an identity", () => {
  const us = hostIdentity();
  const as = (identity: HostIdentity, ip = nodeIp(1)) => ({ ...request(V4, content(ip)), identity });

  test("keeps another host with the same address off a live lease, and keeps the lease when the address changes", async () => {
    const first = await bed.store().acquire(as(us), stop.signal);
    const before = await bed.get(first.lease.key);
    await expect(bed.store().acquire(as(hostIdentity()), stop.signal)).rejects.toMatchObject({
      code: "lease-conflict",
      retryable: true,
      message: expect.stringContaining(`(node ${us.id}) holds lease ${first.lease.key}`),
    });
    expect([await bed.get(first.lease.key), await bed.keys()]).toEqual([before, [first.lease.key]]);
    const moved = await bed.store().acquire(as(us, nodeIp(2)), stop.signal);
    expect([moved.lease.key, await bed.keys()]).toEqual([first.lease.key, [first.lease.key]]);
  });

  test("that is another after a reboot has the subnet of before, and says from whom", async () => {
    const first = await bed.store().acquire(as(us), stop.signal);
    const { id, boot, netns } = hostIdentity();
    const again = await bed.store().acquire(as({ ...us, id, boot, netns }), stop.signal);
    expect(again).toMatchObject({
      lease: { key: first.lease.key, identity: { id } },
      takenFrom: { id: us.id },
    });
    expect((await bed.get(first.lease.key))?.value).toContain(id);
  });

  test("goes from flannel to Tweed and back with the subnet", async () => {
    await bed.put("10.5.77.0-24", flannelValue(nodeIp(1)));
    const { lease } = await bed.store().acquire(as(us), stop.signal);
    expect(lease).toMatchObject({ key: "10.5.77.0-24", identity: us });
    await bed.put("10.5.77.0-24", flannelValue(nodeIp(1)));
    const again = await bed.store().acquire(as(us), stop.signal);
    expect(again.lease.key).toBe("10.5.77.0-24");
    expect((await bed.get("10.5.77.0-24"))?.value).toContain(us.id);
  });

  test("is found before the address is known", async () => {
    await bed.store().acquire(as(us), stop.signal);
    const ask = { ...request(V4, content(null)), identity: us };
    expect((await bed.store().previous(ask, stop.signal))?.publicIps.v4).toBe(nodeIp(1));
    expect(await bed.store().previous({ ...ask, identity: hostIdentity() }, stop.signal)).toBeNull();
  });

  test("is written where a former version's lease has none, and then nothing more", async () => {
    const { lease } = await bed.store().acquire(request(V4, content(nodeIp(1))), stop.signal);
    await bed.store().acquire(as(us), stop.signal);
    expect((await bed.get(lease.key))?.value).toContain(us.id);
    const txns = await bed.requests("Txn");
    await bed.store().acquire(as(us), stop.signal);
    expect(await bed.requests("Txn")).toBe(txns);
  });
});

describe("a reservation", () => {
  test("is used, and still has no time to live after the daemon was restarted on it", async () => {
    await bed.put("10.5.50.0-24", flannelValue(nodeIp(1)));
    for (let life = 0; life < 2; life++) {
      const store = bed.store();
      const held = await store.acquire(request(V4, content(nodeIp(1))), stop.signal);
      expect(held.lease.key).toBe("10.5.50.0-24");
      expect(held.expiresAtMs).toBeNull();
      const stored = await bed.get("10.5.50.0-24");
      expect(stored?.leaseId).toBe("0");
      expect(stored?.value).toContain("vxlan");
      await store.close();
    }
  });
});

describe("many daemons at once", () => {
  const start = (count: number) => Array.from({ length: count }, () => bed.store());

  test("20 on exactly 20 subnets get one each", async () => {
    const held = await Promise.all(
      start(20).map((store, index) =>
        store.acquire(request(TWENTY, content(nodeIp(index + 1))), stop.signal),
      ),
    );
    expect(new Set(held.map((each) => each.lease.key)).size).toBe(20);
    expect(await bed.keys()).toHaveLength(20);
  });

  test("20 on exactly 20 subnets of each family get one of each", async () => {
    const held = await Promise.all(
      start(20).map((store, index) =>
        acquireUntilDone(store, content(nodeIp(index + 1), `2001:db8::${index + 1}`)),
      ),
    );
    expect(new Set(held.map((each) => each.lease.subnets.v4)).size).toBe(20);
    expect(new Set(held.map((each) => each.lease.subnets.v6)).size).toBe(20);
    expect(await bed.keys()).toHaveLength(20);
  });

  test("two that want the same subnet get two different ones", async () => {
    const wanted = subnets("10.5.34.0-24");
    const held = await Promise.all(
      start(2).map((store, index) =>
        store.acquire(request(V4, content(nodeIp(index + 1)), wanted), stop.signal),
      ),
    );
    const [one, two] = held.map((each) => each.lease.subnets.v4);
    if (!one || !two) throw new Error("a subnet is missing");
    expect(overlaps(one, two)).toBe(false);
    expect([one, two]).toContain("10.5.34.0/24");
  });

  test("no etcd lease is left over from lost races", async () => {
    const before = (await bed.client.leaseClient.leaseLeases()).leases.length;
    const held = await Promise.all(
      start(5).map((store, index) =>
        store.acquire(request(V4, content(nodeIp(index + 1)), subnets("10.5.34.0-24")), stop.signal),
      ),
    );
    expect((await bed.client.leaseClient.leaseLeases()).leases.length - before).toBe(held.length);
  });

  /** As the agent does: a full network may be one in which others are about to give a subnet back. */
  async function acquireUntilDone(store: EtcdStore, published: LeaseContent) {
    for (;;) {
      try {
        return await store.acquire(request(TWENTY_DUAL, published), stop.signal);
      } catch (error) {
        if ((error as { code?: string }).code !== "out-of-subnets") throw error;
        await sleep(20);
      }
    }
  }
});

describe("an IPv6-only network", () => {
  test("nodes do not take each other's lease for their own", async () => {
    const first = await bed.store().acquire(request(V6_ONLY, content(null, "2001:db8::1")), stop.signal);
    const second = await bed.store().acquire(request(V6_ONLY, content(null, "2001:db8::2")), stop.signal);
    expect(first.lease.key).toMatch(/^0\.0\.0\.0-0&fc00:0:0:[0-9a-f]+::-64$/);
    expect(second.lease.subnets.v6).not.toBe(first.lease.subnets.v6);
    const again = await bed.store().acquire(request(V6_ONLY, content(null, "2001:db8::2")), stop.signal);
    expect(again.lease.key).toBe(second.lease.key);
    expect((await bed.get(first.lease.key))?.value).toContain(
      '{"PublicIP":"0.0.0.0","PublicIPv6":"2001:db8::1"',
    );
  });
});

describe("a held lease", () => {
  test("is renewed again and again, before its time to live is over", async () => {
    const clock = new VirtualClock();
    const store = bed.store({}, { leaseTtlSeconds: 60 }, clock);
    const held = await store.acquire(request(V4, content(nodeIp(1))), stop.signal);
    const before = await bed.renewals();
    const kept = new MaintainedLease(store, held, stop.signal);
    await eventually(() => bed.renewals()).toBeGreaterThan(before + 3);
    stop.abort();
    await kept.ended;
    expect(kept.fate).toBe("kept until it was stopped");
    expect(clock.nowMs() / ((await bed.renewals()) - before)).toBeLessThan(60_000);
  });

  test("runs out without its daemon", async () => {
    const store = bed.store({}, { leaseTtlSeconds: 3 });
    await store.acquire(request(V4, content(nodeIp(1))), stop.signal);
    await eventually(() => bed.keys()).toEqual([]);
  });

  test.for([
    ["deleted", (key: string) => bed.client.delete().key(SUBNETS + key), /deleted or has expired/],
    ["taken", (key: string) => bed.put(key, flannelValue(nodeIp(2))), /rewritten by another writer/],
  ] as const)(
    "is given up when it is %s, long before its renewal, and acquired again",
    async ([, lose, why]) => {
      const store = bed.store();
      const held = await store.acquire(request(V4, content(nodeIp(1))), stop.signal);
      const kept = await keep(store, held);
      await lose(held.lease.key);
      await eventually(() => kept.fate).toMatch(why);
      const again = await store.acquire(request(V4, content(nodeIp(1))), stop.signal);
      expect((await bed.get(again.lease.key))?.value).toContain(nodeIp(1));
    },
  );

  test("is not lost by publishing on it while it is kept", async () => {
    const store = bed.store();
    const held = await store.acquire(request(V4, content(nodeIp(1))), stop.signal);
    const kept = await keep(store, held);
    for (let vni = 2; vni < 30; vni++) {
      const offer = { type: "vxlan", data: { v4: { VNI: vni }, v6: null } };
      await store.acquire(request(V4, content(nodeIp(1), null, offer)), stop.signal);
    }
    expect((await bed.get(held.lease.key))?.value).toContain('"VNI":29');
    // Its deletion is seen after everything that was published: had any of that counted, it would have been "rewritten".
    await bed.client.delete().key(SUBNETS + held.lease.key);
    await eventually(() => kept.fate).toMatch(/deleted/);
  });

  test("is not lost because one behind it is newer", async () => {
    const store = bed.store();
    const wanted = request(V4, content(nodeIp(1)), subnets("10.5.4.0-24"));
    const held = await store.acquire(wanted, stop.signal);
    await bed.put("10.5.5.0-24", flannelValue(nodeIp(5)));
    const kept = await keep(store, held);
    await bed.put("10.5.6.0-24", flannelValue(nodeIp(6)));
    await bed.client.delete().key(`${SUBNETS}10.5.5.0-24`);
    // Taken last: had a deletion behind it counted, the reason would be another.
    await bed.put(held.lease.key, flannelValue(nodeIp(2)));
    await eventually(() => kept.fate).toMatch(/10\.5\.4\.0-24 was rewritten/);
  });

  test("never overwrites a new owner after a pause longer than its life", async () => {
    const proxy = await bed.proxy();
    const store = bed.store({ endpoints: [`http://127.0.0.1:${proxy.port}`] });
    const held = await store.acquire(request(V4, content(nodeIp(1))), stop.signal);
    const kept = await keep(store, held);
    proxy.freeze();
    // What etcd does at its expiry.
    await bed.client.leaseClient.leaseRevoke({ ID: (await bed.get(held.lease.key))?.leaseId ?? "" });
    expect(await bed.keys()).toEqual([]);
    await bed.put(held.lease.key, flannelValue(nodeIp(2)));
    proxy.restore();
    await eventually(() => kept.fate).toMatch(/rewritten|deleted/);
    expect((await bed.get(held.lease.key))?.value).toBe(flannelValue(nodeIp(2)));
    const again = await store.acquire(request(V4, content(nodeIp(1))), stop.signal);
    expect(again.lease.key).not.toBe(held.lease.key);
  });

  test("survives a store that is away", async () => {
    const proxy = await bed.proxy();
    const store = bed.store({ endpoints: [`http://127.0.0.1:${proxy.port}`] });
    const held = await store.acquire(request(V4, content(nodeIp(1))), stop.signal);
    const kept = await keep(store, held);
    proxy.refuse();
    await eventually(() => bed.log.text()).toContain("etcd does not answer");
    await eventually(() => bed.watchers()).toBe(0);
    proxy.restore();
    await eventually(() => bed.watchers()).toBe(1);
    expect(kept.fate).toBe("kept");
    await bed.client.delete().key(SUBNETS + held.lease.key);
    await eventually(() => kept.fate).toMatch(/deleted/);
  });
});

describe("configurations", () => {
  test("come as they are written, and are waited for", async () => {
    const configurations = bed.store().configurations(stop.signal);
    const first = configurations.next();
    await eventually(() => bed.log.text()).toContain("no network configuration");
    await bed.client.put(`${PREFIX}/config`).value('{"Network":"10.1.0.0/16"}');
    expect((await first).value).toBe('{"Network":"10.1.0.0/16"}');
    const second = configurations.next();
    await bed.client.put(`${PREFIX}/config`).value('{"Network":"10.1.0.0/16"}');
    await bed.client.put(`${PREFIX}/config`).value('{"Network":"10.2.0.0/16"}');
    expect((await second).value).toBe('{"Network":"10.2.0.0/16"}');
    await configurations.return();
  });

  test("are read although leases stand behind them", async () => {
    await bed.put("10.5.9.0-24", flannelValue(nodeIp(9)));
    await bed.client.put(`${PREFIX}/config`).value('{"Network":"10.5.0.0/16"}');
    const configurations = bed.store().configurations(stop.signal);
    expect((await configurations.next()).value).toBe('{"Network":"10.5.0.0/16"}');
    await configurations.return();
  });
});
