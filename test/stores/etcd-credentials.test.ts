/** What changes about users and passwords on a real etcd while a daemon follows it: it hears of everything all the same. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Secret } from "../../src/runtime/secret.ts";
import { EtcdAdmin } from "../support/etcd-admin.ts";
import { EtcdBed } from "../support/etcd-bed.ts";
import { DEADLINE_MS, eventually } from "../support/eventually.ts";
import { content, flannelValue, nodeIp, request, V4 } from "../support/lease-fixtures.ts";
import { MaintainedLease } from "../support/maintained-lease.ts";

const PASSWORD = "hunter2-do-not-log";
const signal = () => AbortSignal.timeout(DEADLINE_MS);

let bed: EtcdBed;
let admin: EtcdAdmin;
let peers: number;
beforeAll(async () => {
  bed = await EtcdBed.start();
  admin = new EtcdAdmin(bed.server.endpoint);
  await admin.addUser("tweed", PASSWORD);
});
beforeEach(() => {
  peers = 0;
});
afterEach(async () => {
  expect(bed.log.text()).not.toContain(PASSWORD);
  await admin.disable();
  await bed.clear();
});
afterAll(() => bed?.teardown());

const credentials = { username: "tweed", password: new Secret(PASSWORD) };

/** A daemon as it runs, with a proxy that its connections can be cut at. */
async function daemon() {
  const proxy = await bed.proxy();
  const store = bed.store({ credentials, endpoints: [`http://127.0.0.1:${proxy.port}`] });
  const held = await store.acquire(request(V4, content(nodeIp(1))), signal());
  const kept = new MaintainedLease(store, held, signal());
  const reader = bed.reader(store);
  await reader.untilKeys([held.lease.key]);
  await eventually(() => bed.watchers()).toBe(2);
  return { proxy, store, kept, reader };
}

/** Whether what happens now reaches it, as a watch and as a request of its own. */
async function follows({ store, kept, reader }: Awaited<ReturnType<typeof daemon>>): Promise<void> {
  const key = `10.5.${200 + ++peers}.0-24`;
  await admin.put(`/coreos.com/network/subnets/${key}`, flannelValue(nodeIp(200 + peers)));
  await reader.until(({ leases }) => leases.some((lease) => lease.key === key));
  expect(kept.fate).toBe("kept");
  const changed = content(nodeIp(1), null, { type: `t${peers}`, data: { v4: null, v6: null } });
  await eventually(() => store.acquire(request(V4, changed), signal())).toMatchObject({ lease: changed });
}

const CHANGES: readonly (readonly [string, () => Promise<void>, () => Promise<void>])[] = [
  ["is switched off", () => admin.enable(), () => admin.disable()],
  ["is switched on", () => admin.disable(), () => admin.enable()],
];

test("a user that was deleted, or has another password for a while, is let in again when that is over", async () => {
  await admin.enable();
  const running = await daemon();
  const refused = async () => {
    running.proxy.cut();
    const changed = request(V4, content(nodeIp(7)));
    await expect(running.store.acquire(changed, signal())).rejects.toMatchObject({ retryable: true });
  };
  await admin.changePassword("tweed", "another");
  await refused();
  await admin.changePassword("tweed", PASSWORD);
  await follows(running);
  await admin.deleteUser("tweed");
  await refused();
  await admin.addUser("tweed", PASSWORD);
  await follows(running);
});

describe.each(["while its connections last", "while its connections break"])("%s", (when) => {
  test.for(CHANGES)("authentication %s", async ([, before, change]) => {
    await before();
    const running = await daemon();
    await follows(running);
    await change();
    if (when.endsWith("break")) running.proxy.cut();
    await follows(running);
  });
});
