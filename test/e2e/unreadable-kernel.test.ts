/** A daemon whose requests to the kernel all fail says that it is not ready, and helps itself with another socket. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { LoneNode } from "../support/lone-node.ts";
import { MisdirectedNetlink } from "../support/misdirected-netlink.ts";

/** Shorter than the daemon waits after its second failure. */
const MISDIRECT_EVERY_MS = 10;

let node: LoneNode;
beforeAll(async () => {
  node = await LoneNode.create("unread");
  await node.configure({ Network: "10.244.0.0/16", Backend: { Type: "vxlan" } });
  node.start();
  await eventually(async () => (await node.page("/readyz")).status).toBe(200);
});
afterAll(() => node.delete());

test("it is not ready as long as the kernel cannot be read, and ready again when it can", async () => {
  const netlink = new MisdirectedNetlink(node.daemon.pid);
  const isOver = new AbortController();
  const misdirecting = (async () => {
    while (!isOver.signal.aborted) {
      await netlink.misdirect();
      await sleep(MISDIRECT_EVERY_MS);
    }
  })();
  try {
    await eventually(async () => (await node.page("/readyz")).body).toMatch(
      /not ready yet\n.*the kernel cannot be read or changed: .*refused/,
    );
    // Each time that it looks again it does so through a new one.
    await eventually(() => netlink.count).toBeGreaterThan(2);
  } finally {
    isOver.abort();
    await misdirecting;
  }
  await eventually(async () => (await node.page("/readyz")).body).toBe("flanneld is ready");
  await node.host.ip("link delete flannel.1");
  await eventually(() => node.host.exec("ip", "link", "show", "flannel.1").catch(String)).toContain("UP");
  const lines = node.daemon.output
    .split("\n")
    .filter((line) => line.includes("kernel cannot be read or changed, will retry"));
  expect(lines.length).toBeGreaterThan(0);
});
