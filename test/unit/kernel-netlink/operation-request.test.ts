import { describe, expect, it } from "vitest";
import { decodeAddress, RTM_ADDRESS } from "../../../src/kernel/netlink/address.ts";
import { BLANK_LINK, decodeLink } from "../../../src/kernel/netlink/link.ts";
import { NLM_F } from "../../../src/kernel/netlink/message.ts";
import { decodeNeighbour, RTM_NEIGHBOUR } from "../../../src/kernel/netlink/neighbour.ts";
import { decodeRoute, RTM_ROUTE } from "../../../src/kernel/netlink/route.ts";
import type { Operation } from "../../../src/kernel/operation.ts";
import { parseIp } from "../../../src/net/index.ts";
import { PEER_MAC, PEER_ROUTE } from "../../support/flannel-samples.ts";
import { fakeKernel } from "../../support/kernel-on-fakes.ts";

const route = PEER_ROUTE;
const mac = PEER_MAC;

describe("what an operation asks of the kernel", () => {
  const sent = async (operation: Operation) => {
    const { kernel, changes } = fakeKernel({ "flannel.1": 5, eth0: 2 });
    expect(await kernel.apply([operation])).toEqual([null]);
    const [request] = changes;
    if (request === undefined) throw new Error("nothing was sent");
    return { type: request.type, flags: request.flags & ~(NLM_F.request | NLM_F.ack), body: request.body };
  };
  const REPLACE = NLM_F.create | NLM_F.replace;

  it("put-route: a unicast route of universe scope in the main table", async () => {
    const { type, flags, body } = await sent({ op: "put-route", route: { ...route, mtuBytes: 1400 } });
    expect([type, flags]).toEqual([RTM_ROUTE.new, REPLACE]);
    expect(decodeRoute(body)).toEqual({
      dst: "10.244.3.0/24",
      table: 254,
      protocol: 3,
      scope: 0,
      type: 1,
      flags: 4,
      gateway: "10.244.3.0",
      index: 5,
      metric: null,
      source: null,
      mtuBytes: 1400,
      nextHops: null,
    });
  });

  it("delete-route: that one, by gateway, device, protocol and metric, of any scope", async () => {
    const { type, flags, body } = await sent({ op: "delete-route", route, metric: 1024 });
    expect([type, flags]).toEqual([RTM_ROUTE.delete, 0]);
    expect(decodeRoute(body)).toMatchObject({
      dst: "10.244.3.0/24",
      scope: 255,
      protocol: 3,
      gateway: "10.244.3.0",
      index: 5,
      metric: 1024,
    });
  });

  it.each(["put-route", "delete-route"] as const)("%s with a bare way: both as next hops", async (op) => {
    const alsoFrom = { via: parseIp("192.0.2.3"), iface: "eth0" };
    const { body } = await sent({ op, route: { ...route, alsoFrom }, metric: 0 });
    const { gateway, index, nextHops } = decodeRoute(body);
    expect([gateway, index]).toEqual([null, null]);
    const flags = op === "put-route" ? 4 : 0;
    expect(nextHops).toEqual([
      ...Array.from({ length: 16 }, () => ({ index: 5, gateway: "10.244.3.0", flags, weight: 256 })),
      { index: 2, gateway: "192.0.2.3", flags: 0, weight: 1 },
    ]);
  });

  it("put-route with a bare way on a device that is not there: nothing, and which is missing", async () => {
    const { kernel, changes } = fakeKernel({ "flannel.1": 5 });
    const alsoFrom = { via: parseIp("192.0.2.3"), iface: "eth0" };
    const [outcome] = await kernel.apply([{ op: "put-route", route: { ...route, alsoFrom } }]);
    expect(outcome).toMatchObject({ code: "ENODEV", message: expect.stringContaining("no device eth0") });
    expect(changes).toEqual([]);
  });

  it("put-fdb: the device's own permanent entry", async () => {
    const fdb = { iface: "flannel.1", mac, remote: parseIp("192.0.2.3") };
    const { type, flags, body } = await sent({ op: "put-fdb", entry: fdb });
    expect([type, flags]).toEqual([RTM_NEIGHBOUR.new, REPLACE]);
    expect(decodeNeighbour(body)).toEqual({
      af: 7,
      index: 5,
      state: 0x80,
      flags: 2,
      type: 0,
      ip: "192.0.2.3",
      mac,
    });
  });

  it.each([
    ["10.244.3.0", 2],
    ["fd00:10:244:3::", 10],
  ])("put-neighbour: a permanent unicast entry for %s", async (ip, af) => {
    const { body } = await sent({
      op: "put-neighbour",
      entry: { iface: "flannel.1", ip: parseIp(ip), mac },
    });
    expect(decodeNeighbour(body)).toEqual({ af, index: 5, state: 0x80, flags: 0, type: 1, ip, mac });
  });

  it("add-address: IPv6 is usable at once, without duplicate address detection", async () => {
    const v4 = await sent({
      op: "add-address",
      address: { iface: "flannel.1", ip: parseIp("10.244.1.0"), length: 32 },
    });
    expect([v4.type, v4.flags]).toEqual([RTM_ADDRESS.new, REPLACE]);
    expect(decodeAddress(v4.body)).toMatchObject({
      ip: "10.244.1.0",
      length: 32,
      flags: 0,
      scope: 0,
      index: 5,
    });
    const v6 = await sent({
      op: "add-address",
      address: { iface: "flannel.1", ip: parseIp("fd00::"), length: 128 },
    });
    expect(decodeAddress(v6.body)).toMatchObject({ ip: "fd00::", length: 128, flags: 2 });
  });

  it("set-link: only what changes, and tunnel data only when that does", async () => {
    const mtu = await sent({ op: "set-link", name: "eth0", mtuBytes: 1400 });
    expect(decodeLink(mtu.body)).toEqual({ ...BLANK_LINK, index: 2, mtuBytes: 1400 });
    const down = await sent({ op: "set-link", name: "flannel.1", up: false });
    expect(decodeLink(down.body)).toEqual({ ...BLANK_LINK, index: 5, changeMask: 1 });
    const learning = await sent({
      op: "set-link",
      name: "flannel.1",
      settings: { kind: "vxlan", learning: true, local: parseIp("192.0.2.9") },
    });
    const { kind, data } = decodeLink(learning.body);
    expect(kind).toBe("vxlan");
    // IFLA_VXLAN_LOCAL and IFLA_VXLAN_LEARNING, nothing else.
    expect([...(data ?? [])]).toEqual([8, 0, 4, 0, 192, 0, 2, 9, 5, 0, 7, 0, 1, 0, 0, 0]);
  });
});
