/** A network of 5,000 nodes in a real etcd: how long until it is known, and what it costs to keep. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { accept } from "../../src/lease/accept.ts";
import { parseIpv4Prefix } from "../../src/net/index.ts";
import { EtcdBed, SUBNETS } from "../support/etcd-bed.ts";
import { content, network, nodeIp, request } from "../support/lease-fixtures.ts";

const NODES = 5_000;
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

test("5,000 leases are known within 400 ms of the store's start, one change within 100 ms", async () => {
  // The library is loaded once per process; a daemon loads it while it reads its configuration.
  await bed
    .store()
    .previous(
      { content: content(nodeIp(1)), previousSubnets: { v4: null, v6: null } },
      AbortSignal.timeout(5000),
    );
  const reader = bed.reader(bed.store());
  const listedMs = await reader.until(({ leases }) => leases.length === NODES);
  await bed.put(key(77), '{"PublicIP":"172.31.255.1","PublicIPv6":null,"BackendType":"host-gw"}');
  const changedMs = await reader.until(({ leases }) =>
    leases.some((lease) => lease.publicIps.v4 === "172.31.255.1"),
  );
  const snapshot = reader.latest;
  if (snapshot === null) throw new Error("no snapshot");
  const rules = { v4: { network: parseIpv4Prefix("10.0.0.0/8"), subnetLength: 24 }, v6: null };
  const own = { key: null, subnets: { v4: null, v6: null }, publicIps: { v4: null, v6: null } };
  const judged = () => {
    const startedMs = performance.now();
    const { peers, rejections } = accept(snapshot, { rules, own, refuse: () => null });
    return { counts: [peers.length, rejections.length], tookMs: performance.now() - startedMs };
  };
  const rounds = Array.from({ length: 5 }, judged);
  const acceptedMs = Math.min(...rounds.map((round) => round.tookMs));
  console.log(
    `etcd, ${NODES} leases: first snapshot ${listedMs.toFixed(0)} ms, one change ${changedMs.toFixed(0)} ms, accepted in ${acceptedMs.toFixed(1)} ms`,
  );
  expect(rounds[0]?.counts).toEqual([NODES, 0]);
  expect(listedMs).toBeLessThan(400);
  expect(changedMs).toBeLessThan(150);
  expect(acceptedMs).toBeLessThan(60);
});

test("a lease among 5,000 is acquired within 400 ms", async () => {
  const startedMs = performance.now();
  const held = await bed.store().acquire(request(WIDE, content(nodeIp(1))), AbortSignal.timeout(5_000));
  const acquiredMs = performance.now() - startedMs;
  console.log(`etcd, ${NODES} leases: acquired ${held.lease.key} in ${acquiredMs.toFixed(0)} ms`);
  expect(acquiredMs).toBeLessThan(400);
});
