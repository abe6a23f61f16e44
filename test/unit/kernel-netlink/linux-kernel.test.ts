import { describe, expect, it } from "vitest";
import { LinuxKernel } from "../../../src/kernel/linux-kernel.ts";
import { decodeAddress, RTM_ADDRESS } from "../../../src/kernel/netlink/address.ts";
import { readBody } from "../../../src/kernel/netlink/attributes.ts";
import { BLANK_LINK, decodeLink, encodeLink, RTM_LINK } from "../../../src/kernel/netlink/link.ts";
import { type Message, NLM_F } from "../../../src/kernel/netlink/message.ts";
import { decodeNeighbour, RTM_NEIGHBOUR } from "../../../src/kernel/netlink/neighbour.ts";
import { decodeRoute, encodeRoute, type RouteMessage, RTM_ROUTE } from "../../../src/kernel/netlink/route.ts";
import type { Operation } from "../../../src/kernel/operation.ts";
import type { SysctlState, TunLink } from "../../../src/kernel/state.ts";
import { parseIp, parseMac, parsePrefix } from "../../../src/net/index.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { TweedError } from "../../../src/runtime/error.ts";
import { silentLog } from "../../../src/runtime/log.ts";
import {
  acknowledge,
  datagram,
  done,
  entry,
  FakeEvents,
  FakeRequests,
  type Queued,
} from "../../support/fake-netlink.ts";

const text = new TextDecoder();

/** Name asked for by an RTM_GETLINK. */
function askedName(request: Message): string {
  const name = readBody(request.body, 16, "link").attributes.bytes(3);
  return text.decode(name ?? undefined).replaceAll("\0", "");
}

/**
 * A kernel with devices by name and nothing else: it answers questions about them, makes and deletes them, and
 * treats every other request as `treat` says (an errno).
 */
function fakeKernel(devices: Record<string, number>, treat: (request: Message) => number = () => 0) {
  const links = new Map(Object.entries(devices));
  const changes: Message[] = [];
  const sysctls: SysctlState[] = [];
  const tuns: TunLink[] = [];
  let nextIndex = 100;
  const answer = (request: Message): Queued[] => {
    if (request.type === RTM_LINK.get) {
      const index = links.get(askedName(request));
      if (index === undefined) return [datagram(acknowledge(request, 19))];
      return [
        datagram(
          entry(request, RTM_LINK.new, encodeLink({ ...BLANK_LINK, index, name: askedName(request) })),
        ),
      ];
    }
    changes.push(request);
    const errno = treat(request);
    if (errno === 0 && request.type === RTM_LINK.new && (request.flags & NLM_F.create) !== 0) {
      links.set(decodeLink(request.body).name ?? "", nextIndex++);
    }
    return [datagram(acknowledge(request, errno))];
  };
  const requests = new FakeRequests((sent) => sent.flatMap(answer));
  const kernel = new LinuxKernel(
    {
      requests,
      openEvents: () => new FakeEvents(),
      createTun: (link) => {
        tuns.push(link);
        links.set(link.name, nextIndex++);
      },
      writeSysctl: (sysctl) => {
        if (sysctl.value === "bad") {
          throw new TweedError({ code: "sysctl-refused", operation: "set", reason: "bad" });
        }
        sysctls.push(sysctl);
      },
    },
    { clock: systemClock, log: silentLog },
  );
  return { kernel, requests, changes, links, sysctls, tuns };
}

const mac = parseMac("0e:00:00:00:00:03");
const createFlannel: Operation = {
  op: "create-link",
  link: {
    kind: "vxlan",
    name: "flannel.1",
    mac,
    mtuBytes: 1450,
    vni: 1,
    parent: "eth0",
    local: parseIp("192.0.2.1"),
    port: null,
    learning: false,
    gbp: false,
  },
};
const up: Operation = { op: "set-link", name: "flannel.1", up: true };
const route = {
  dst: parsePrefix("10.244.3.0/24"),
  via: parseIp("10.244.3.0"),
  iface: "flannel.1",
  onlink: true,
  protocol: 3,
  mtuBytes: null,
};
const putRoute: Operation = { op: "put-route", route };
const codes = (outcomes: readonly (TweedError | null)[]) => outcomes.map((outcome) => outcome?.code ?? null);

describe("apply", () => {
  it("can use a device that the same batch makes", async () => {
    const { kernel, changes } = fakeKernel({ eth0: 2 });
    expect(await kernel.apply([createFlannel, up, putRoute])).toEqual([null, null, null]);
    expect(changes.map(({ type }) => type)).toEqual([RTM_LINK.new, RTM_LINK.new, RTM_ROUTE.new]);
    expect(decodeLink(changes[0]?.body ?? new Uint8Array(0)).vxlan?.parentIndex).toBe(2);
    expect(decodeLink(changes[1]?.body ?? new Uint8Array(0))).toMatchObject({
      index: 100,
      flags: 1,
      changeMask: 1,
    });
    expect(decodeRoute(changes[2]?.body ?? new Uint8Array(0)).index).toBe(100);
  });

  it("goes on behind a failure, and keeps outcomes in the order of operations", async () => {
    const { kernel } = fakeKernel({ eth0: 2, "flannel.1": 5 }, ({ type, flags }) =>
      type === RTM_LINK.new && (flags & NLM_F.create) !== 0 ? 17 : 0,
    );
    const nowhere: Operation = { op: "put-route", route: { ...route, iface: "gone0" } };
    const sysctl: Operation = { op: "write-sysctl", sysctl: { path: "net/ipv4/ip_forward", value: "bad" } };
    const outcomes = await kernel.apply([putRoute, createFlannel, nowhere, up, sysctl, putRoute]);
    expect(codes(outcomes)).toEqual([null, "EEXIST", "ENODEV", null, "sysctl-refused", null]);
    expect(outcomes[1]?.operation).toBe("create-link flannel.1");
    expect(outcomes[2]?.message).toContain("no device gone0");
  });

  it("asks for each device once, however many operations name it", async () => {
    const { kernel, requests, changes } = fakeKernel({ "flannel.1": 5 });
    await kernel.apply(new Array<Operation>(50).fill(putRoute));
    expect(requests.sends.flat().filter(({ type }) => type === RTM_LINK.get)).toHaveLength(1);
    expect(changes).toHaveLength(50);
    expect(requests.sends).toHaveLength(2);
  });

  it("finds nothing to do where the device is gone with what was on it", async () => {
    const { kernel, changes } = fakeKernel({});
    const deletions: Operation[] = [
      { op: "delete-route", route, metric: 0 },
      { op: "delete-link", name: "flannel.1" },
      { op: "delete-address", address: { iface: "flannel.1", ip: parseIp("10.244.1.0"), length: 32 } },
    ];
    expect(await kernel.apply(deletions)).toEqual([null, null, null]);
    expect(changes).toEqual([]);
  });

  it.each([
    ["ENOENT", 2],
    ["ESRCH", 3],
    ["ENODEV", 19],
    ["EADDRNOTAVAIL", 99],
  ])("takes a deletion that meets %s for done, and nothing else", async (code, errno) => {
    const { kernel } = fakeKernel({ "flannel.1": 5 }, () => errno);
    const outcomes = await kernel.apply([
      { op: "delete-route", route, metric: 0 },
      { op: "delete-fdb", entry: { iface: "flannel.1", mac, remote: parseIp("192.0.2.3") } },
      putRoute,
    ]);
    expect(codes(outcomes)).toEqual([null, null, code]);
  });

  it("refuses a VXLAN device whose parent is not there", async () => {
    const { kernel, changes } = fakeKernel({});
    expect(codes(await kernel.apply([createFlannel]))).toEqual(["ENODEV"]);
    expect(changes).toEqual([]);
  });

  it("makes a TUN device and then gives it its MTU", async () => {
    const { kernel, changes, tuns } = fakeKernel({});
    const link: TunLink = { kind: "tun", name: "flannel0", mtuBytes: 1472, multiQueue: false };
    expect(await kernel.apply([{ op: "create-link", link }])).toEqual([null]);
    expect(tuns).toEqual([link]);
    expect(decodeLink(changes[0]?.body ?? new Uint8Array(0))).toMatchObject({ index: 100, mtuBytes: 1472 });
  });

  it("writes a sysctl when what stands before it is done", async () => {
    const { kernel, sysctls, changes } = fakeKernel({ eth0: 2 });
    const sysctl = { path: "net/ipv6/conf/flannel.1/accept_ra", value: "0" };
    await kernel.apply([createFlannel, { op: "write-sysctl", sysctl }, up]);
    expect(sysctls).toEqual([sysctl]);
    expect(changes).toHaveLength(2);
  });

  it("of nothing asks nothing", async () => {
    const { kernel, requests } = fakeKernel({});
    expect(await kernel.apply([])).toEqual([]);
    expect(requests.sends).toEqual([]);
  });
});

describe("changing a link", () => {
  it("asks twice where device and tunnel change, because the kernel refuses both in one", async () => {
    const { kernel, changes } = fakeKernel({ "flannel.1": 5 });
    const change: Operation = { op: "set-link", name: "flannel.1", mtuBytes: 1400, learning: true };
    expect(await kernel.apply([change])).toEqual([null]);
    const asked = changes.map(({ body }) => decodeLink(body));
    expect(asked.map(({ mtuBytes, vxlan }) => [mtuBytes, vxlan?.learning])).toEqual([
      [null, true],
      [1400, undefined],
    ]);
  });

  it("fails where either part fails", async () => {
    const { kernel } = fakeKernel({ "flannel.1": 5 }, ({ body }) =>
      decodeLink(body).mtuBytes === null ? 95 : 0,
    );
    const change: Operation = { op: "set-link", name: "flannel.1", mtuBytes: 1400, learning: true };
    expect(codes(await kernel.apply([change, up]))).toEqual(["EOPNOTSUPP", "EOPNOTSUPP"]);
  });

  it("in nothing asks nothing", async () => {
    const { kernel, requests } = fakeKernel({ "flannel.1": 5 });
    expect(await kernel.apply([{ op: "set-link", name: "flannel.1" }])).toEqual([null]);
    expect(requests.sends).toEqual([]);
  });
});

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
      learning: true,
      local: parseIp("192.0.2.9"),
    });
    const changed = decodeLink(learning.body);
    expect(changed).toMatchObject({
      kind: "vxlan",
      vxlan: { learning: true, local: "192.0.2.9", vni: null },
    });
  });
});

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
    expect(await kernel.observe()).toEqual({ links: [], addresses: [], fdb: [], neighbours: [], routes: [] });
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

function kernelOn(requests: FakeRequests): LinuxKernel {
  const never = () => {
    throw new Error("not in this test");
  };
  return new LinuxKernel(
    { requests, openEvents: () => new FakeEvents(), createTun: never, writeSysctl: never },
    { clock: systemClock, log: silentLog },
  );
}

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
