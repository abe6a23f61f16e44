/** Whoever follows one key of etcd, its configuration or its own lease, sees nothing of the keys behind it. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EtcdBed, PREFIX } from "../support/etcd-bed.ts";
import { content, network, nodeIp, request, subnets } from "../support/lease-fixtures.ts";

const CONFIG = { Network: "10.5.0.0/16" };

let bed: EtcdBed;
beforeAll(async () => {
  bed = await EtcdBed.start();
});
afterAll(() => bed.teardown());

test("a configuration is read although leases stand behind it", async () => {
  await bed.put("10.5.9.0-24", '{"PublicIP":"192.0.2.9"}');
  await bed.client.put(`${PREFIX}/config`).value(JSON.stringify(CONFIG));
  const texts = bed.store().configurations(AbortSignal.timeout(5000));
  expect((await texts.next()).value).toBe(JSON.stringify(CONFIG));
});

test("a lease is not lost because one behind it is newer", async () => {
  const stop = new AbortController();
  const store = bed.store();
  const wanted = request(network(CONFIG), content(nodeIp(1)), subnets("10.5.4.0-24"));
  const held = await store.acquire(wanted, stop.signal);
  await bed.put("10.5.5.0-24", '{"PublicIP":"192.0.2.5"}');
  const kept = store.keep(held, stop.signal).catch(() => "still ours");
  await sleep(300);
  stop.abort();
  expect(await kept).toBe("still ours");
});
