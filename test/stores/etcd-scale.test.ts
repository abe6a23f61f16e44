/** A network of 5,000 nodes in a real etcd: all of it is known, and what is asked of etcd for that is counted. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { accept } from "../../src/lease/accept.ts";
import { unparsed } from "../../src/lease/offer-reading.ts";
import { parseIpv4Prefix } from "../../src/net/index.ts";
import { EtcdBed, SUBNETS } from "../support/etcd-bed.ts";
import { DEADLINE_MS } from "../support/eventually.ts";
import { content, network, nodeIp, request } from "../support/lease-fixtures.ts";

const NODES = 5_000;
/** 500 leases each. */
const PAGES = 10;
const WIDE = network({ Network: "10.0.0.0/8", SubnetLen: 24 });
const key = (index: number) => `10.${1 + (index >> 8)}.${index & 255}.0-24`;

let bed: EtcdBed;
beforeAll(async () => {
  bed = await EtcdBed.start();
  for (let start = 0; start < NODES; start += 100) {
    const puts = Array.from({ length: 100 }, (_, offset) => {
      const index = start + offset;
      const mac = `0e:52:00:00:${(index >> 8).toString(16).padStart(2, "0")}:${(index & 255).toString(16).padStart(2, "0")}`;
      const value = `{"PublicIP":"172.${16 + (index >> 12)}.${(index >> 8) & 15}.${index & 255}","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"${mac}"}}`;
      return { request_put: { key: Buffer.from(SUBNETS + key(index)), value: Buffer.from(value) } };
    });
    await bed.client.kv.txn({ compare: [], success: puts });
  }
});
afterAll(() => bed.teardown());

test("5,000 leases are known and accepted after ten pages, and one change costs no listing", async () => {
  const reader = bed.reader(bed.store());
  await reader.until(({ leases }) => leases.length === NODES);
  expect(reader.count).toBe(1);
  await bed.put(key(77), '{"PublicIP":"172.31.255.1","PublicIPv6":null,"BackendType":"host-gw"}');
  await reader.until(({ leases }) => leases.some((lease) => lease.publicIps.v4 === "172.31.255.1"));
  expect(reader.count).toBe(2);
  expect(await bed.requests("Range")).toBe(PAGES);
  const rules = { v4: { network: parseIpv4Prefix("10.0.0.0/8"), subnetLength: 24 }, v6: null };
  const own = { key: null, subnets: { v4: null, v6: null }, publicIps: { v4: null, v6: null } };
  const snapshot = reader.latest ?? { leases: [], junk: [] };
  const { peers, rejections } = accept(snapshot, {
    rules,
    own,
    read: unparsed,
    refuse: () => null,
    holders: null,
  });
  expect([peers.length, rejections.length]).toEqual([NODES, 0]);
});

test("a lease among 5,000 is acquired with one listing and one claim", async () => {
  const before = [await bed.requests("Range"), await bed.requests("Txn")] as const;
  const published = request(WIDE, content(nodeIp(1)));
  const held = await bed.store().acquire(published, AbortSignal.timeout(DEADLINE_MS));
  expect(await bed.requests("Range")).toBe(before[0] + PAGES);
  expect(await bed.requests("Txn")).toBe(before[1] + 1);
  expect(await bed.keys()).toHaveLength(NODES + 1);
  expect((await bed.get(held.lease.key))?.value).toContain(nodeIp(1));
});
