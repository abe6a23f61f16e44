/** A real etcd that is set back to an older backup under running daemons: each ends with its own lease and the right peers. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { HeldLease } from "../../src/lease/store.ts";
import { EtcdBed, SUBNETS } from "../support/etcd-bed.ts";
import { eventually } from "../support/eventually.ts";
import { content, flannelValue, nodeIp, request, subnets, V4, VXLAN } from "../support/lease-fixtures.ts";
import { MaintainedLease } from "../support/maintained-lease.ts";

const peerKey = (index: number) => `10.5.${index}.0-24`;
const put = (index: number) => bed.put(peerKey(index), flannelValue(nodeIp(index)));
const remove = (index: number) => bed.client.delete().key(SUBNETS + peerKey(index));

let bed: EtcdBed;
beforeAll(async () => {
  bed = await EtcdBed.start();
});
afterAll(() => bed.teardown());
let stop: AbortController;
beforeEach(() => {
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await bed.clear();
});

async function restore(): Promise<void> {
  await bed.server.restore();
  await bed.server.resume();
}

/** A daemon whose connection can be held up, on a lease that it keeps. */
async function daemon(timing = {}) {
  const proxy = await bed.proxy();
  const store = bed.store({ endpoints: [`http://127.0.0.1:${proxy.port}`] }, timing);
  let held: HeldLease | null = null;
  const publish = async (type: string, ip = nodeIp(1)) => {
    const wanted = request(V4, content(ip, null, { ...VXLAN, type }), subnets(peerKey(34)));
    held = await store.acquire({ ...wanted, held: held?.lease ?? null }, stop.signal);
    return held;
  };
  const kept = new MaintainedLease(store, await publish("first"), stop.signal);
  const reader = bed.reader(store);
  await reader.until(({ leases }) => leases.some(({ key }) => key === peerKey(34)));
  await eventually(() => bed.watchers()).toBe(2);
  return { proxy, publish, kept, reader };
}

/** What happens from here on is in no backup; what is read from etcd works again, too. */
async function backUp(): Promise<void> {
  const watchers = await bed.watchers();
  await bed.server.backUp();
  await eventually(() => bed.watchers()).toBe(watchers);
}

const ownValue = async () => (await bed.get(peerKey(34)))?.value;

describe("a daemon's own lease", () => {
  test.for([
    ["what it offers", nodeIp(1)],
    ["its address", nodeIp(77)],
  ] as const)("is written again when the backup is from before a change of %s", async ([, ip]) => {
    // Where etcd went back before the watch brought what was written, silence shows it.
    const { publish, kept } = await daemon({ requestTimeoutMs: 3_000 });
    await backUp();
    await publish("second", ip);
    const wanted = await ownValue();
    expect(wanted).toContain("second");
    await restore();
    await eventually(ownValue).toBe(wanted);
    await eventually(() => bed.log.text()).toContain("etcd was restored to an earlier state, lease updated");
    expect(kept.fate).toBe("kept");
    // Who keeps it is not misled by its new revision either.
    await publish("third", ip);
    await remove(34);
    await eventually(() => kept.fate).toMatch(/deleted/);
  });

  test("is lost when the backup is from before it", async () => {
    await bed.server.backUp();
    const { kept } = await daemon();
    await restore();
    await eventually(() => kept.fate).toMatch(/deleted/);
  });

  test("is lost, and nothing overwritten, when its subnet was another node's then", async () => {
    await put(34);
    await bed.server.backUp();
    await remove(34);
    const { kept } = await daemon();
    await restore();
    await eventually(() => kept.fate).toMatch(/belongs to another node/);
    expect(await ownValue()).toBe(flannelValue(nodeIp(34)));
  });
});

/** A daemon that hears nothing more, with peers 1 and 34 in the backup and since then peer 2 for 1 and a change of its own. */
async function frozenPastBackup() {
  const { proxy, publish, kept, reader } = await daemon({ requestTimeoutMs: 3_000 });
  await put(1);
  await reader.untilKeys([peerKey(1), peerKey(34)]);
  await backUp();
  await put(2);
  await remove(1);
  await reader.untilKeys([peerKey(2), peerKey(34)]);
  await publish("second");
  const wanted = await ownValue();
  proxy.freeze();
  return { proxy, kept, reader, wanted };
}

/** With `writes` further writes behind what is in the backup, and no history before the last `kept` of them. */
async function restoreCompacted(writes: number, kept: number): Promise<void> {
  await restore();
  let newest = 0;
  for (let count = 0; count < writes; count++) {
    const { header } = await bed.client.put("/elsewhere").value(String(count));
    newest = Number(header.revision);
  }
  await bed.client.kv.compact({ revision: String(newest - kept), physical: true });
}

describe("where etcd has compacted away what a daemon saw last, since it was set back", () => {
  test("and all behind it, peers are right and the own lease is written again", async () => {
    const { proxy, kept, reader, wanted } = await frozenPastBackup();
    await restoreCompacted(40, 0);
    proxy.restore();
    await reader.untilKeys([peerKey(1), peerKey(34)]);
    await eventually(ownValue).toBe(wanted);
    expect(kept.fate).toBe("kept");
  });

  test("but not what follows the revision it has come to, peers are right", async () => {
    await backUp();
    await put(2);
    for (let count = 0; count < 20; count++) await bed.client.put("/elsewhere").value("");
    // Its listing is at the revision of the last of those, and the newest entry of its range is 20 before that.
    const proxy = await bed.proxy();
    const store = bed.store({ endpoints: [`http://127.0.0.1:${proxy.port}`] }, { requestTimeoutMs: 3_000 });
    const reader = bed.reader(store);
    await reader.untilKeys([peerKey(2)]);
    await eventually(() => bed.watchers()).toBe(1);
    proxy.freeze();
    await restoreCompacted(25, 10);
    proxy.restore();
    await reader.untilKeys([]);
  });
});

describe("peers", () => {
  test("are those of the backup", async () => {
    const { reader } = await daemon();
    await put(1);
    await reader.untilKeys([peerKey(1), peerKey(34)]);
    await backUp();
    await put(2);
    await remove(1);
    await reader.untilKeys([peerKey(2), peerKey(34)]);
    await restore();
    await reader.untilKeys([peerKey(1), peerKey(34)]);
  });

  test("are right although more was written to the backup than was lost before the daemon looks", async () => {
    const { proxy, kept, reader, wanted } = await frozenPastBackup();
    await restore();
    for (let index = 101; index <= 120; index++) await put(index);
    for (let index = 102; index <= 120; index++) await remove(index);
    proxy.restore();
    await reader.untilKeys([peerKey(1), peerKey(101), peerKey(34)]);
    await eventually(ownValue).toBe(wanted);
    expect(kept.fate).toBe("kept");
  });
});
