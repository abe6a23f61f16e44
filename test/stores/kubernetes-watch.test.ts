/** Snapshots from the Kubernetes API: nothing is missed, whatever happens to the watch or to the history. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { KubernetesTiming } from "../../src/lease/kubernetes/timing.ts";
import { eventually } from "../support/eventually.ts";
import { flannelAnnotations, KubeBed, PREFIX, prefixed } from "../support/kube-api/kube-bed.ts";
import { largeNodeObject, nodeObject } from "../support/kube-api/node-object.ts";

let bed: KubeBed;
beforeAll(async () => {
  bed = await KubeBed.start();
});
afterAll(() => bed.teardown());
afterEach(() => bed.clear());

const subnet = (index: number) => `10.244.${index}.0/24`;
const ip = (index: number) => `192.0.2.${index}`;
const name = (index: number) => `n${String(index).padStart(2, "0")}`;
const peer = (index: number) => bed.flannelNode(name(index), subnet(index), ip(index));

async function read(timing: Partial<KubernetesTiming> = {}) {
  const store = await bed.store("own", {}, timing);
  const reader = bed.reader(store);
  await reader.until(() => true);
  return reader;
}

/** Without the questions for the server's version, which list one node. */
const lists = (on = bed) =>
  on.api.front.seen.filter(({ url }) => /nodes\?/.test(url) && !/watch=|limit=1$/.test(url)).length;
/** After the first list: a request of the test before may arrive late. */
const watches = () => {
  const urls = bed.api.front.seen.map(({ url }) => url);
  const first = urls.findIndex((url) => url.includes("limit="));
  return first < 0 ? 0 : urls.slice(first).filter((url) => url.includes("watch=")).length;
};

describe("snapshots", () => {
  test("have every managed node, by flannel's annotations, and its podCIDR", async () => {
    await peer(1);
    await bed.api.create(nodeObject("unmanaged", { podCidrs: [subnet(2)] }));
    const vxlan = {
      ...flannelAnnotations(ip(3)),
      ...prefixed({ "backend-type": "vxlan", "backend-data": '{"VNI":1,"VtepMAC":"5a:00:00:00:00:03"}' }),
    };
    const createdAt = "2026-11-01T00:00:00Z";
    await bed.api.create(largeNodeObject(name(3), { podCidrs: [subnet(3)], annotations: vxlan, createdAt }));
    const reader = await read();
    expect(reader.keys).toEqual([name(1), name(3)]);
    expect(reader.latest?.leases.find(({ key }) => key === name(3))).toMatchObject({
      key: name(3),
      subnets: { v4: subnet(3), v6: null },
      publicIps: { v4: ip(3), v6: null },
      offers: [{ type: "vxlan", data: { v4: { VNI: 1, VtepMAC: "5a:00:00:00:00:03" }, v6: null } }],
    });
  });

  test("follow additions, changes and deletions, without a listing", async () => {
    const reader = await read();
    await peer(1);
    await reader.untilKeys([name(1)]);
    await bed.api.patch(name(1), { metadata: { annotations: prefixed({ "public-ip": ip(9) }) } });
    await reader.until(({ leases }) => leases[0]?.publicIps.v4 === ip(9));
    await bed.api.patch(name(1), { metadata: { annotations: { [`${PREFIX}kube-subnet-manager`]: null } } });
    await reader.untilKeys([]);
    await bed.api.patch(name(1), { metadata: { annotations: prefixed({ "kube-subnet-manager": "true" }) } });
    await reader.untilKeys([name(1)]);
    await bed.api.delete(name(1));
    await reader.untilKeys([]);
    expect(lists()).toBe(1);
  });

  test("come past a proxy that the environment names", async () => {
    for (const variable of ["https_proxy", "HTTPS_PROXY", "http_proxy"])
      vi.stubEnv(variable, "http://127.0.0.1:9");
    try {
      await peer(1);
      const reader = await read();
      expect(reader.keys).toEqual([name(1)]);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  test("do not come for heartbeats", async () => {
    await peer(1);
    const reader = await read();
    const { count } = reader;
    for (let beat = 0; beat < 20; beat++) {
      const conditions = [
        { type: "Ready", status: "True", lastHeartbeatTime: `2026-11-02T00:00:${beat + 10}Z` },
      ];
      await bed.api.patchStatus(name(1), { conditions });
    }
    await peer(2);
    await reader.untilKeys([name(1), name(2)]);
    expect(reader.count).toBe(count + 1);
  });

  test("keep one family of a peer that lacks the other, and name what cannot be read", async () => {
    const annotations = flannelAnnotations(ip(1));
    await bed.api.create(nodeObject(name(1), { podCidrs: [subnet(1), "fd00:10:244:1::/64"], annotations }));
    const strange = { ...flannelAnnotations("not an address"), ...prefixed({ "backend-data": "{" }) };
    await bed.api.create(nodeObject(name(2), { podCidrs: [subnet(2)], annotations: strange }));
    const broken = { ...flannelAnnotations(ip(3)), ...prefixed({ "backend-type": "no such TYPE" }) };
    await bed.api.create(nodeObject(name(3), { podCidrs: [subnet(3)], annotations: broken }));
    const huge = { ...flannelAnnotations(ip(4)), ...prefixed({ "backend-data": `"${"x".repeat(5000)}"` }) };
    await bed.api.create(nodeObject(name(4), { podCidrs: [subnet(4)], annotations: huge }));
    const reader = await read();
    expect(reader.keys).toEqual([name(1), name(2)]);
    expect(reader.latest?.leases.map(({ publicIps }) => publicIps)).toEqual([
      { v4: ip(1), v6: null },
      { v4: null, v6: null },
    ]);
    expect(reader.latest?.junk.map(({ key }) => key).sort()).toEqual([name(3), name(4)]);
  });

  test("list a large cluster in pages, from the server's cache", async () => {
    const { standIn } = bed.api;
    if (standIn === null) return;
    for (let index = 0; index < 1200; index++) {
      const podCidrs = [`10.${index >> 8}.${index & 255}.0/24`];
      standIn.nodes.put(
        nodeObject(`p${index}`, { podCidrs, annotations: flannelAnnotations(ip(1)) }) as never,
      );
    }
    const reader = await read();
    expect(reader.latest?.leases).toHaveLength(1200);
    const urls = bed.api.front.seen.map(({ url }) => url).filter((url) => url.includes("limit="));
    expect(urls).toHaveLength(3);
    expect(urls[0]).toContain("resourceVersion=0");
    expect(urls[1]).not.toContain("resourceVersion=");
    // Else its request may be counted in the next test.
    await eventually(watches).toBe(1);
  });
});

describe("a Node that is too large to be read", () => {
  const grow = (index: number) => {
    const annotations = { ...flannelAnnotations(ip(index)), note: "x".repeat(9 << 20) };
    bed.api.standIn?.nodes.put(nodeObject(name(index), { podCidrs: [subnet(index)], annotations }) as never);
  };

  test("is passed over and named once, and the others go on", async () => {
    if (bed.api.standIn === null) return;
    await peer(1);
    const reader = await read();
    await eventually(watches).toBe(1);
    grow(1);
    await peer(2);
    await reader.untilKeys([name(2)]);
    grow(1);
    await peer(3);
    await reader.untilKeys([name(2), name(3)]);
    expect(reader.latest?.junk).toMatchObject([
      { key: name(1), reason: expect.stringMatching(/has \d+ bytes/) },
    ]);
    expect(bed.log.warnings().map(({ fields }) => fields.key)).toEqual([name(1)]);
    // Whoever starts now finds it in the listing.
    const later = await read();
    expect(later.keys).toEqual([name(2), name(3)]);
    await bed.api.delete(name(1));
    await reader.until(({ junk }) => junk.length === 0);
    await later.until(({ junk }) => junk.length === 0);
    expect([lists(), watches()]).toEqual([2, 2]);
  });

  test("is a peer again when it is smaller", async () => {
    if (bed.api.standIn === null) return;
    grow(1);
    const reader = await read();
    expect(reader.latest?.junk).toHaveLength(1);
    await bed.api.delete(name(1));
    await peer(1);
    await reader.untilKeys([name(1)]);
    expect(reader.latest?.junk).toEqual([]);
  });
});

describe("a watch", () => {
  test("asks for bookmarks and a time of its own, and is one for all who listen", async () => {
    const store = await bed.store("own");
    const [a, b] = [bed.reader(store), bed.reader(store)];
    await peer(1);
    await Promise.all([a.untilKeys([name(1)]), b.untilKeys([name(1)])]);
    await eventually(watches).toBeGreaterThan(0);
    expect([lists(), watches()]).toEqual([1, 1]);
    const { searchParams } = new URL(bed.api.front.seen.at(-1)?.url ?? "", bed.api.front.url);
    expect(searchParams.get("allowWatchBookmarks")).toBe("true");
    expect(Number(searchParams.get("timeoutSeconds"))).toBeGreaterThanOrEqual(300);
  });

  test("that ends or breaks goes on where it was", async () => {
    const reader = await read({ watchSeconds: 1 });
    await peer(1);
    await reader.untilKeys([name(1)]);
    await eventually(watches).toBeGreaterThan(1);
    bed.api.front.cut();
    await peer(2);
    await reader.untilKeys([name(1), name(2)]);
    expect(lists()).toBe(1);
  });

  test("that has brought something and then is silent for too long is given up, and goes on where it was", async () => {
    const reader = await read({ watchSilenceMs: 500 });
    await eventually(watches).toBeGreaterThan(0);
    await peer(1);
    await reader.untilKeys([name(1)]);
    const before = lists();
    bed.api.front.stall();
    await peer(2);
    await eventually(() => bed.log.text()).toContain("no data received");
    bed.api.front.flow();
    await reader.untilKeys([name(1), name(2)]);
    expect(lists()).toBe(before);
  });

  test("is kept alive by bookmarks, and resumes behind the last", async () => {
    const { standIn } = bed.api;
    if (standIn === null) return;
    const quick = await KubeBed.start({ bookmarkMs: 100 });
    // Half as many again as there are in what counts as silence.
    const lasting = 30;
    try {
      const store = await quick.store("own", {}, { watchSilenceMs: 2_000 });
      const reader = quick.reader(store);
      await reader.until(() => true);
      const bookmarks = () => quick.api.standIn?.bookmarks;
      // A pod changes no node, but the version goes on.
      await quick.api.create(nodeObject("x"));
      await quick.api.delete("x");
      // On one watch: where this process itself was held up for too long, another one has taken its place.
      await eventually(bookmarks).toBeGreaterThan(lasting);
      const before = lists(quick);
      quick.api.standIn?.nodes.compact();
      quick.api.front.cut();
      await quick.flannelNode(name(1), subnet(1), ip(1));
      await reader.untilKeys([name(1)]);
      expect(lists(quick)).toBe(before);
    } finally {
      await quick.teardown();
    }
  });

  test("whose place is forgotten lists anew, and forgets nobody meanwhile", async () => {
    await peer(1);
    await peer(2);
    const reader = await read();
    await eventually(watches).toBeGreaterThan(0);
    bed.api.standIn?.expire();
    await bed.api.delete(name(1));
    await peer(3);
    await reader.untilKeys([name(2), name(3)]);
    if (bed.api.standIn !== null) expect(lists()).toBe(2);
  });

  test("reads events that come in pieces", async () => {
    bed.api.front.slowMs = 5;
    const reader = await read();
    await Promise.all([1, 2, 3, 4, 5].map(peer));
    await reader.untilKeys([1, 2, 3, 4, 5].map(name));
  });
});

describe("a listing", () => {
  const stop = new AbortController();

  test("has every lease, by a read from etcd and beside the watch", async () => {
    await peer(1);
    await bed.api.create(nodeObject("own", { podCidrs: [subnet(9)] }));
    const store = await bed.store("own");
    const leases = await store.list(stop.signal);
    expect(leases.map(({ key }) => key)).toEqual([name(1)]);
    const [url] = bed.api.front.seen
      .map((each) => each.url)
      .filter((each) => /nodes\?/.test(each))
      .slice(-1);
    expect(url).not.toContain("resourceVersion");
  });

  test("without our own Node fails", async () => {
    await peer(1);
    const store = await bed.store("own");
    await expect(store.list(stop.signal)).rejects.toMatchObject({ code: "store-emptied", retryable: true });
  });
});
