/** What anybody with write access to etcd may have put there. */
import { setMaxListeners } from "node:events";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { EtcdBed } from "../support/etcd-bed.ts";
import { content, flannelValue, nodeIp, request, V4 } from "../support/lease-fixtures.ts";

/** 3 KiB that would be 17 KiB if they were written again. */
const GROWING = `[${new Array(790).fill("1e20").join()}]`;

let bed: EtcdBed;
let stop: AbortController;
beforeAll(async () => {
  bed = await EtcdBed.start();
});
afterAll(() => bed.teardown());
beforeEach(() => {
  stop = new AbortController();
  setMaxListeners(0, stop.signal);
});
afterEach(async () => {
  stop.abort();
  await bed.clear();
});

test("data under this node's key that grows when it is written again is replaced by its own", async () => {
  const key = "10.5.7.0-24";
  await bed.put(key, `{"PublicIP":"${nodeIp(1)}","BackendType":"vxlan","BackendData":${GROWING}}`);
  const store = bed.store();
  const held = await store.acquire(request(V4, content(nodeIp(1))), stop.signal);
  expect(held.lease.key).toBe(key);
  expect((await bed.get(key))?.value).not.toContain("1e20");
});

test("a key that covers the whole network keeps no node out of it, and is named", async () => {
  await bed.put("10.5.0.0-16", "anything");
  const held = await bed.store().acquire(request(V4, content(nodeIp(1))), stop.signal);
  expect(held.lease.key).toMatch(/^10\.5\.\d+\.0-24$/);
  expect(bed.log.lines).toContainEqual(
    expect.objectContaining({
      level: "warn",
      fields: expect.objectContaining({ reason: expect.stringContaining("10.5.0.0/16") }),
    }),
  );
});

test("values of megabytes are listed in smaller pages, and the leases among them are found", async () => {
  const large = "x".repeat(1_400_000);
  for (let index = 0; index < 60; index++) await bed.put(`10.5.${index + 100}.0-24`, large);
  await bed.put("10.5.99.0-24", flannelValue(nodeIp(1)));
  await bed.put("10.5.200.0-24", flannelValue(nodeIp(2)));
  const reader = bed.reader(bed.store());
  await reader.until(({ leases, junk }) => leases.length === 2 && junk.length === 60);
  expect(reader.latest?.junk[0]).toMatchObject({ reason: expect.stringContaining("too large") });
});
