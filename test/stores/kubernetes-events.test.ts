/** Notices as Events on the Node. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { KubernetesStore } from "../../src/lease/kubernetes/store.ts";
import type { Notice } from "../../src/lease/notice.ts";
import { CountedClock } from "../support/counted-clock.ts";
import { eventually } from "../support/eventually.ts";
import { KubeBed } from "../support/kube-api/kube-bed.ts";
import { nodeObject } from "../support/kube-api/node-object.ts";

const NODE = "worker-1";
const REFUSED: Notice = {
  reason: "NetworkConfigRefused",
  message: "Backend.VNI is -1, expected 1 to 16777215",
};

let bed: KubeBed;
let store: KubernetesStore;
beforeAll(async () => {
  bed = await KubeBed.start();
});
afterAll(() => bed.teardown());
beforeEach(async () => {
  await bed.api.create(nodeObject(NODE, { podCidrs: ["10.244.7.0/24"] }));
  store = await bed.store(NODE);
});
afterEach(async () => {
  await bed.clear();
  for (const { metadata } of await events()) {
    await bed.api.admin("DELETE", `/api/v1/namespaces/default/events/${metadata.name}`);
  }
});

interface Event {
  readonly metadata: { readonly name: string };
  readonly message: string;
}

async function events(): Promise<readonly Event[]> {
  const list = await bed.api.admin("GET", "/api/v1/namespaces/default/events");
  return (list as unknown as { items: Event[] }).items.filter(({ metadata }) =>
    metadata.name.startsWith(NODE),
  );
}

const messages = async () => (await events()).map(({ message }) => message);
const posts = () => bed.api.front.seen.filter(({ method }) => method === "POST");

describe("a notice", () => {
  test("becomes an Event that kubectl describe node shows", async () => {
    store.postNotice(REFUSED);
    await eventually(events).toEqual([
      expect.objectContaining({
        ...{ type: "Warning", count: 1, ...REFUSED },
        involvedObject: expect.objectContaining({ kind: "Node", name: NODE, uid: NODE }),
        source: { component: "tweed", host: NODE },
      }),
    ]);
  });

  test("is one Event however often it is said, and another notice is another", async () => {
    for (let time = 0; time < 3; time++) store.postNotice(REFUSED);
    store.postNotice({ ...REFUSED, message: "it is no JSON" });
    await eventually(posts).toHaveLength(4);
    await eventually(events).toHaveLength(2);
    expect(bed.log.lines).toEqual([]);
  });

  test("is posted when the API server is back, however long it was away", async () => {
    const clock = new CountedClock();
    store = await bed.store(NODE, {}, { outage: { firstRetryMs: 30, retryIntervalMs: 30 } }, clock);
    await bed.api.front.stop();
    store.postNotice(REFUSED);
    await eventually(() => clock.sleeps).toBeGreaterThan(10);
    expect(bed.log.text()).not.toContain("Event not posted");
    await bed.api.front.start();
    await eventually(messages).toEqual([REFUSED.message]);
  });

  test("is given up with a word about the Role where it may not be posted", async () => {
    bed.api.front.refusal = { status: 403 };
    store.postNotice(REFUSED);
    await eventually(() => bed.log.text()).toContain("allow create on events");
    expect(posts()).toHaveLength(1);
  });

  test("that is too long is cut", async () => {
    store.postNotice({ ...REFUSED, message: "x".repeat(5000) });
    await eventually(messages).toEqual(["x".repeat(1024)]);
  });

  test("is let go when the store is closed", async () => {
    await bed.api.front.stop();
    store.postNotice(REFUSED);
    await store.close();
    await bed.api.front.start();
    (await bed.store(NODE)).postNotice({ ...REFUSED, message: "of the next daemon" });
    await eventually(messages).toEqual(["of the next daemon"]);
    expect(bed.log.text()).not.toContain("Event not posted");
  });
});
