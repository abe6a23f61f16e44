import { describe, expect, it } from "vitest";
import { readBody } from "../../../src/kernel/netlink/attributes.ts";
import { BLANK_LINK, encodeLink, RTM_LINK } from "../../../src/kernel/netlink/link.ts";
import type { Message } from "../../../src/kernel/netlink/message.ts";
import { RTM_NEIGHBOUR } from "../../../src/kernel/netlink/neighbour.ts";
import { encodeRoute, type RouteMessage, RTM_ROUTE } from "../../../src/kernel/netlink/route.ts";
import { parseIp, parsePrefix } from "../../../src/net/index.ts";
import { acknowledge, datagram, done, entry, FakeRequests } from "../../support/fake-netlink.ts";
import { kernelOn } from "../../support/kernel-on-fakes.ts";

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
    const v4Route = encodeRoute(routeMessage({ index: 2 }));
    const requests = new FakeRequests(([asked]) => {
      if (asked === undefined) return [];
      if (asked.type === RTM_LINK.get) return [datagram(entry(asked, RTM_LINK.new, eth0), done(asked))];
      if (asked.type === RTM_ROUTE.get) return [datagram(entry(asked, RTM_ROUTE.new, v4Route), done(asked))];
      return [datagram(done(asked))];
    });
    expect((await kernelOn(requests).observe()).routes).toHaveLength(1);
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
      routeMessage({ index: 2, gateway: parseIp("192.0.2.254"), source: parseIp("192.0.2.1") }),
    );
    const kernel = answering((asked) => entry(asked, RTM_ROUTE.new, body));
    expect(await kernel.routeTo(parseIp("198.51.100.1"))).toEqual({
      iface: "eth0",
      via: "192.0.2.254",
      source: "192.0.2.1",
    });
  });

  it.each([101, 113, 3, 22, 13])("is null where the kernel answers with errno %i", async (errno) => {
    const kernel = answering((asked) => acknowledge(asked, errno));
    expect(await kernel.routeTo(parseIp("198.51.100.1"))).toBeNull();
  });

  it("is null where the route refuses", async () => {
    const body = encodeRoute(routeMessage({ index: 2, type: 7 }));
    const kernel = answering((asked) => entry(asked, RTM_ROUTE.new, body));
    expect(await kernel.routeTo(parseIp("2001:db8::1"))).toBeNull();
  });

  it("fails where the kernel fails", async () => {
    const kernel = answering((asked) => acknowledge(asked, 12));
    await expect(kernel.routeTo(parseIp("198.51.100.1"))).rejects.toMatchObject({
      code: "ENOMEM",
      retryable: true,
    });
  });
});

function routeMessage(fields: Partial<RouteMessage>): RouteMessage {
  return {
    dst: parsePrefix("198.51.100.0/24"),
    table: 254,
    protocol: 3,
    scope: 0,
    type: 1,
    flags: 0,
    gateway: null,
    index: null,
    metric: null,
    source: null,
    mtuBytes: null,
    nextHops: null,
    ...fields,
  };
}
