import { describe, expect, it } from "vitest";
import { encodeAddress, RTM_ADDRESS } from "../../../src/kernel/netlink/address.ts";
import { readBody } from "../../../src/kernel/netlink/attributes.ts";
import { BLANK_LINK, encodeLink, RTM_LINK } from "../../../src/kernel/netlink/link.ts";
import type { Message } from "../../../src/kernel/netlink/message.ts";
import {
  encodeNeighbour,
  type NeighbourMessage,
  RTM_NEIGHBOUR,
} from "../../../src/kernel/netlink/neighbour.ts";
import { encodeRoute, type RouteMessage, RTM_ROUTE } from "../../../src/kernel/netlink/route.ts";
import { parseIp, parseMac, parsePrefix } from "../../../src/net/index.ts";
import { acknowledge, datagram, done, entry, FakeRequests } from "../../support/fake-netlink.ts";
import { kernelOn } from "../../support/kernel-on-fakes.ts";
import { routeMessage } from "../../support/route-message.ts";

describe("observe", () => {
  it("asks for the main table of each family, and for neighbours of VXLAN devices only", async () => {
    const vxlan = encodeLink({ ...BLANK_LINK, index: 5, name: "flannel.1", kind: "vxlan" });
    const eth0 = encodeLink({ ...BLANK_LINK, index: 2, name: "eth0" });
    const requests = new FakeRequests(([asked]) => {
      if (asked === undefined) return [];
      if (asked.type !== RTM_LINK.get) return [datagram(done(asked))];
      return [datagram(entry(asked, RTM_LINK.new, vxlan), entry(asked, RTM_LINK.new, eth0), done(asked))];
    });
    const kernel = kernelOn(requests);
    const state = await kernel.observe();
    expect(state.links.map(({ name }) => name)).toEqual(["flannel.1", "eth0"]);
    const asked = requests.sends.flat();
    const routes = asked.filter(({ type }) => type === RTM_ROUTE.get);
    expect(routes.map(({ body }) => [body[0], body[4]])).toEqual([
      [2, 254],
      [10, 254],
    ]);
    const neighbours = asked.filter(({ type }) => type === RTM_NEIGHBOUR.get);
    expect(neighbours.map(({ body }) => body[0]).sort()).toEqual([10, 2, 7]);
    for (const { body } of neighbours) {
      expect(readBody(body, 12, "neighbour").attributes.u32(8)).toBe(5);
    }
  });

  it("does without a family that the kernel does not have", async () => {
    const requests = new FakeRequests(([asked]) => {
      if (asked === undefined) return [];
      return [datagram(asked.body[0] === 10 ? acknowledge(asked, 95) : done(asked))];
    });
    const kernel = kernelOn(requests);
    const none = { links: [], addresses: [], fdb: [], neighbours: [], routes: [], rules: [] };
    expect(await kernel.observe()).toEqual(none);
  });

  it("drops entries of a family that it did not ask for", async () => {
    const eth0 = encodeLink({ ...BLANK_LINK, index: 2, name: "eth0" });
    const v4Route = encodeRoute(remoteRoute({ index: 2 }));
    const requests = new FakeRequests(([asked]) => {
      if (asked === undefined) return [];
      if (asked.type === RTM_LINK.get) return [datagram(entry(asked, RTM_LINK.new, eth0), done(asked))];
      if (asked.type === RTM_ROUTE.get) return [datagram(entry(asked, RTM_ROUTE.new, v4Route), done(asked))];
      return [datagram(done(asked))];
    });
    expect((await kernelOn(requests).observe()).routes).toHaveLength(1);
  });
});

describe("what is observed", () => {
  const vxlan = encodeLink({ ...BLANK_LINK, index: 5, name: "flannel.1", kind: "vxlan" });
  const ofBridge = encodeLink({ ...BLANK_LINK, af: 7, index: 5, name: "flannel.1", kind: "vxlan" });
  const neighbour = (fields: Partial<NeighbourMessage>) =>
    encodeNeighbour({ af: 2, index: 5, state: 0x80, flags: 0, type: 1, ip: null, mac: null, ...fields });
  const mac = parseMac("0e:52:a1:00:00:07");
  const address = { length: 24, scope: 0, index: 5, flags: 0x80, remote: null };

  const entries: Readonly<Record<number, readonly [number, Uint8Array][]>> = {
    [RTM_LINK.get]: [
      [RTM_LINK.new, vxlan],
      [RTM_LINK.new, ofBridge],
      [RTM_LINK.delete, encodeLink({ ...BLANK_LINK, index: 6, name: "gone", kind: "vxlan" })],
    ],
    [RTM_ADDRESS.get]: [
      [RTM_ADDRESS.new, encodeAddress({ ...address, family: "v4", ip: parseIp("10.244.1.0") })],
      [RTM_ADDRESS.new, encodeAddress({ ...address, family: "v6", ip: parseIp("fd00::1") })],
      [RTM_ADDRESS.delete, encodeAddress({ ...address, family: "v4", ip: parseIp("10.244.2.0") })],
    ],
    [RTM_NEIGHBOUR.get]: [
      [RTM_NEIGHBOUR.new, neighbour({ ip: parseIp("10.244.3.0"), mac })],
      [RTM_NEIGHBOUR.new, neighbour({ af: 10, ip: parseIp("fd00::3"), mac })],
      [RTM_NEIGHBOUR.new, neighbour({ af: 7, flags: 2, ip: parseIp("192.0.2.3"), mac })],
      [RTM_NEIGHBOUR.new, neighbour({ index: 6, ip: parseIp("10.244.4.0"), mac })],
      [RTM_NEIGHBOUR.delete, neighbour({ ip: parseIp("10.244.5.0"), mac })],
    ],
    [RTM_ROUTE.get]: [
      [RTM_ROUTE.new, encodeRoute(remoteRoute({ index: 5 }))],
      [RTM_ROUTE.delete, encodeRoute(remoteRoute({ index: 5, dst: parsePrefix("10.244.6.0/24") }))],
    ],
  };

  /** A kernel without strict checking: it answers each query with all entries. */
  const listing = (failing: number | null = null, family = 2) =>
    kernelOn(
      new FakeRequests(([asked]) => {
        if (asked === undefined) return [];
        if (asked.type === failing && asked.body[0] === family) return [datagram(acknowledge(asked, 12))];
        const answers = (entries[asked.type] ?? []).map(([type, body]) => entry(asked, type, body));
        return [datagram(...answers, done(asked))];
      }),
    );

  it("is each entry of the queried device and family once", async () => {
    const state = await listing().observe();
    expect(state.links.map(({ name }) => name)).toEqual(["flannel.1"]);
    expect(state.addresses.map(({ ip }) => ip)).toEqual(["10.244.1.0", "fd00::1"]);
    expect(state.neighbours).toMatchObject([
      { iface: "flannel.1", ip: "10.244.3.0", mac, isPermanent: true },
      { iface: "flannel.1", ip: "fd00::3", mac, isPermanent: true },
    ]);
    expect(state.fdb).toMatchObject([{ iface: "flannel.1", mac, remote: "192.0.2.3", isPermanent: true }]);
    expect(state.routes.map(({ dst }) => dst)).toEqual(["198.51.100.0/24"]);
  });

  it.each([
    [RTM_LINK.get, 0, "list links"],
    [RTM_ADDRESS.get, 2, "list IPv4 addresses"],
    [RTM_ADDRESS.get, 10, "list IPv6 addresses"],
    [RTM_NEIGHBOUR.get, 7, "list neighbours"],
    [RTM_ROUTE.get, 2, "list IPv4 routes"],
    [RTM_ROUTE.get, 10, "list IPv6 routes"],
  ])("says which query failed: %i of family %i", async (type, family, operation) => {
    await expect(listing(type, family).observe()).rejects.toMatchObject({ code: "ENOMEM", operation });
  });
});

describe("routeTo", () => {
  const answering = (routeReply: (asked: Message) => Message) =>
    kernelOn(
      new FakeRequests(([asked]) => {
        if (asked === undefined) return [];
        if (asked.type === RTM_ROUTE.get) return [datagram(routeReply(asked))];
        return [datagram(entry(asked, RTM_LINK.new, encodeLink({ ...BLANK_LINK, index: 2, name: "eth0" })))];
      }),
    );

  it("tells device, gateway and source", async () => {
    const body = encodeRoute(
      remoteRoute({ index: 2, gateway: parseIp("192.0.2.254"), source: parseIp("192.0.2.1") }),
    );
    const kernel = answering((asked) => entry(asked, RTM_ROUTE.new, body));
    expect(await kernel.routeTo(parseIp("198.51.100.1"))).toEqual({
      iface: "eth0",
      via: "192.0.2.254",
      source: "192.0.2.1",
    });
  });

  it("leads to this host's own address by a local route", async () => {
    const body = encodeRoute(remoteRoute({ index: 2, type: 2 }));
    const kernel = answering((asked) => entry(asked, RTM_ROUTE.new, body));
    expect(await kernel.routeTo(parseIp("192.0.2.1"))).toEqual({ iface: "eth0", via: null, source: null });
  });

  it("is null where the route has no device", async () => {
    const kernel = answering((asked) => entry(asked, RTM_ROUTE.new, encodeRoute(remoteRoute({}))));
    expect(await kernel.routeTo(parseIp("198.51.100.1"))).toBeNull();
  });

  it("is null where the device is gone, which it asked for by index", async () => {
    const requests = new FakeRequests(([asked]) => {
      if (asked === undefined) return [];
      const body = encodeRoute(remoteRoute({ index: 7 }));
      return [
        datagram(asked.type === RTM_ROUTE.get ? entry(asked, RTM_ROUTE.new, body) : acknowledge(asked, 19)),
      ];
    });
    expect(await kernelOn(requests).routeTo(parseIp("198.51.100.1"))).toBeNull();
    const [, asked] = requests.sends.flat();
    expect(asked?.type).toBe(RTM_LINK.get);
    expect(asked?.body[4]).toBe(7);
  });

  it.each([101, 113, 3, 22, 13])("is null where the kernel answers with errno %i", async (errno) => {
    const kernel = answering((asked) => acknowledge(asked, errno));
    expect(await kernel.routeTo(parseIp("198.51.100.1"))).toBeNull();
  });

  it("is null where the route refuses", async () => {
    const body = encodeRoute(remoteRoute({ index: 2, type: 7 }));
    const kernel = answering((asked) => entry(asked, RTM_ROUTE.new, body));
    expect(await kernel.routeTo(parseIp("2001:db8::1"))).toBeNull();
  });

  it("fails where the kernel fails", async () => {
    const kernel = answering((asked) => acknowledge(asked, 12));
    await expect(kernel.routeTo(parseIp("198.51.100.1"))).rejects.toMatchObject({
      code: "ENOMEM",
      operation: "find route to 198.51.100.1",
      retryable: true,
    });
  });

  it("says which device it could not find", async () => {
    const requests = new FakeRequests(([asked]) => {
      if (asked === undefined) return [];
      const body = encodeRoute(remoteRoute({ index: 7 }));
      return [
        datagram(asked.type === RTM_ROUTE.get ? entry(asked, RTM_ROUTE.new, body) : acknowledge(asked, 12)),
      ];
    });
    await expect(kernelOn(requests).routeTo(parseIp("198.51.100.1"))).rejects.toMatchObject({
      code: "ENOMEM",
      operation: "find link 7",
    });
  });
});

function remoteRoute(fields: Partial<RouteMessage>): RouteMessage {
  return routeMessage({ dst: parsePrefix("198.51.100.0/24"), ...fields });
}
