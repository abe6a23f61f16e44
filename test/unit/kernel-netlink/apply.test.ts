import { describe, expect, it } from "vitest";
import { decodeLink, RTM_LINK } from "../../../src/kernel/netlink/link.ts";
import { type Message, NLM_F } from "../../../src/kernel/netlink/message.ts";
import { decodeRoute, RTM_ROUTE } from "../../../src/kernel/netlink/route.ts";
import { linkKind } from "../../../src/kernel/objects/link.ts";
import type { Operation } from "../../../src/kernel/operation.ts";
import type { TunLink } from "../../../src/kernel/state.ts";
import { parseIp } from "../../../src/net/index.ts";
import type { TweedError } from "../../../src/runtime/error.ts";
import { FLANNEL_LINK, PEER_MAC, PEER_ROUTE } from "../../support/flannel-samples.ts";
import { fakeKernel } from "../../support/kernel-on-fakes.ts";

const route = PEER_ROUTE;
const mac = PEER_MAC;
const createFlannel: Operation = { op: "create-link", link: FLANNEL_LINK };
const up: Operation = { op: "set-link", name: "flannel.1", up: true };
const putRoute: Operation = { op: "put-route", route };
const madeLink = (request: Message | undefined) =>
  linkKind.decode(decodeLink(request?.body ?? new Uint8Array(0)));
const codes = (outcomes: readonly (TweedError | null)[]) => outcomes.map((outcome) => outcome?.code ?? null);

describe("apply", () => {
  it("can use a device that the same batch makes", async () => {
    const { kernel, changes } = fakeKernel({ eth0: 2 });
    expect(await kernel.apply([createFlannel, up, putRoute])).toEqual([null, null, null]);
    expect(changes.map(({ type }) => type)).toEqual([RTM_LINK.new, RTM_LINK.new, RTM_ROUTE.new]);
    expect(madeLink(changes[0])?.settings).toMatchObject({ kind: "vxlan", parentIndex: 2 });
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
    expect(outcomes[1]?.operation).toBe("create link flannel.1 type vxlan id 1 dev eth0 local 192.0.2.1");
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
    const link: TunLink = { kind: "tun", name: "flannel0", mtuBytes: 1472 };
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
    const change: Operation = {
      op: "set-link",
      name: "flannel.1",
      mtuBytes: 1400,
      settings: { kind: "vxlan", learning: true },
    };
    expect(await kernel.apply([change])).toEqual([null]);
    const asked = changes.map(({ body }) => decodeLink(body));
    expect(asked.map(({ mtuBytes, kind }) => [mtuBytes, kind])).toEqual([
      [null, "vxlan"],
      [1400, null],
    ]);
  });

  it("fails where either part fails", async () => {
    const { kernel } = fakeKernel({ "flannel.1": 5 }, ({ body }) =>
      decodeLink(body).mtuBytes === null ? 95 : 0,
    );
    const change: Operation = {
      op: "set-link",
      name: "flannel.1",
      mtuBytes: 1400,
      settings: { kind: "vxlan", learning: true },
    };
    expect(codes(await kernel.apply([change, up]))).toEqual(["EOPNOTSUPP", "EOPNOTSUPP"]);
  });

  it("in nothing asks nothing", async () => {
    const { kernel, requests } = fakeKernel({ "flannel.1": 5 });
    expect(await kernel.apply([{ op: "set-link", name: "flannel.1" }])).toEqual([null]);
    expect(requests.sends).toEqual([]);
  });

  const readOnly = (path: string): Operation => ({ op: "write-sysctl", sysctl: { path, value: "1" } });

  it("sets by netlink what it can of a device where /proc/sys is read-only", async () => {
    const { kernel, changes } = fakeKernel({ "flannel.1": 5 });
    const path = "net/ipv4/conf/flannel.1/rp_filter";
    expect(await kernel.apply([readOnly(path), up])).toEqual([null, null]);
    const [setting] = changes;
    expect(setting).toMatchObject({ type: RTM_LINK.new, flags: NLM_F.request | NLM_F.ack });
    expect(decodeLink(setting?.body ?? new Uint8Array(0))).toMatchObject({ index: 5, changeMask: 0 });
    // IFLA_AF_SPEC { AF_INET { IFLA_INET_CONF { IPV4_DEVCONF_RP_FILTER: 1 } } }, each with its length in front.
    const nest = (type: number, content: readonly number[]) => [content.length + 4, 0, type, 0, ...content];
    const attribute = nest(26, nest(2, nest(1, nest(8, [1, 0, 0, 0]))));
    expect(
      [...(setting?.body.subarray(16) ?? [])].map((byte, at) => (at % 4 === 3 ? byte & 0x7f : byte)),
    ).toEqual(attribute);
  });

  it.each([
    ["that is no device's", "net/ipv4/ip_forward"],
    ["of IPv6", "net/ipv6/conf/flannel.1/accept_ra"],
    ["that netlink does not know here", "net/ipv4/conf/flannel.1/log_martians"],
    ["of a device that is gone", "net/ipv4/conf/gone0/rp_filter"],
  ])("tells that /proc/sys is read-only of a setting %s", async (_which, path) => {
    const { kernel, changes } = fakeKernel({ "flannel.1": 5 });
    expect(codes(await kernel.apply([readOnly(path)]))).toEqual(["sysctl-read-only"]);
    expect(changes).toEqual([]);
  });
});
