/** An API server that is set back to an older backup under running daemons: each ends with its own Node and the right peers. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { KubeBed } from "../support/kube-api/kube-bed.ts";
import { nodeObject } from "../support/kube-api/node-object.ts";
import type { StandIn } from "../support/kube-api/stand-in.ts";
import { content, network, nodeIp, request, VXLAN } from "../support/lease-fixtures.ts";
import { MaintainedLease } from "../support/maintained-lease.ts";

const CONFIG = network({ Network: "10.244.0.0/16" });

let bed: KubeBed;
let stop: AbortController;
beforeAll(async () => {
  bed = await KubeBed.start();
});
afterAll(() => bed.teardown());
beforeEach(() => {
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await bed.clear();
});

const peer = (index: number) => bed.flannelNode(`p${index}`, `10.244.${index}.0/24`, `192.0.2.${index}`);
const lists = () =>
  bed.api.front.seen.filter(({ url }) => url.includes("/nodes?") && !url.includes("watch=")).length;

/** A daemon as it runs: following everybody, and keeping what it holds. */
async function daemon(timing = {}) {
  await bed.api.create(nodeObject("own", { podCidrs: ["10.244.1.0/24"] }));
  await peer(2);
  const store = await bed.store("own", {}, { watchSilenceMs: 1_000, ...timing });
  const publish = (type: string) =>
    store.acquire(request(CONFIG, content(nodeIp(1), null, { ...VXLAN, type })), stop.signal);
  const kept = new MaintainedLease(store, await publish("vxlan"), stop.signal);
  const reader = bed.reader(store);
  await reader.untilKeys(["own", "p2"]);
  return { kept, publish, reader };
}

const backendType = async () => (await bed.annotations("own"))["backend-type"];

describe("an API server that is set back", () => {
  const standIns = () => [bed.api.standIn].filter((each): each is StandIn => each !== null);

  test("and takes a watch ahead of itself without a word: nodes are listed anew, and the own one is written again", async () => {
    for (const standIn of standIns()) {
      const { kept, publish, reader } = await daemon();
      const backup = standIn.nodes.backUp();
      await peer(3);
      await bed.api.delete("p2");
      await publish("host-gw");
      await reader.until(({ leases }) => leases.some(({ offers }) => offers[0].type === "host-gw"));
      await reader.untilKeys(["own", "p3"]);
      standIn.restore(backup);
      await reader.untilKeys(["own", "p2"]);
      await eventually(backendType).toBe("host-gw");
      expect(bed.log.text()).toContain("restored to an earlier state");
      await peer(4);
      await reader.untilKeys(["own", "p2", "p4"]);
      expect(kept.fate).toBe("kept");
    }
  });

  test("and ends the watch as it does: the next one does not wait for what never comes", async () => {
    for (const standIn of standIns()) {
      const { reader } = await daemon({ watchSilenceMs: 3_600_000 });
      const backup = standIn.nodes.backUp();
      await peer(3);
      await reader.untilKeys(["own", "p2", "p3"]);
      standIn.restore(backup);
      await reader.untilKeys(["own", "p2"]);
      expect(bed.log.text()).toContain("restored to an earlier state");
    }
  });

  test("and has been written to since then: the own node is written again all the same", async () => {
    for (const standIn of standIns()) {
      const { kept, publish, reader } = await daemon();
      const backup = standIn.nodes.backUp();
      await publish("host-gw");
      await peer(3);
      await reader.untilKeys(["own", "p2", "p3"]);
      bed.api.front.stall();
      standIn.restore(backup);
      for (let index = 10; index < 30; index++) await peer(index);
      standIn.expire();
      for (let index = 11; index < 30; index++) await bed.api.delete(`p${index}`);
      bed.api.front.cut();
      bed.api.front.flow();
      await reader.untilKeys(["own", "p10", "p2"]);
      await eventually(backendType).toBe("host-gw");
      expect(kept.fate).toBe("kept");
    }
  });
});

test("a silent watch of a server that only has nothing to tell costs a listing, and no peer", async () => {
  const { reader } = await daemon({ watchSilenceMs: 300 });
  const before = lists();
  await eventually(lists).toBeGreaterThan(before);
  await peer(3);
  await reader.untilKeys(["own", "p2", "p3"]);
});
