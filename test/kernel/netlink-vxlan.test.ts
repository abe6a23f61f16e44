/** VXLAN devices that LinuxKernel makes, as iproute2 sees them. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Operation } from "../../src/kernel/operation.ts";
import type { VxlanLink } from "../../src/kernel/state.ts";
import { parseIp, parseMac } from "../../src/net/index.ts";
import { FLANNEL_LINK } from "../support/flannel-samples.ts";
import { NetlinkHost } from "../support/netlink-host.ts";

let host: NetlinkHost;

beforeAll(async () => {
  host = await NetlinkHost.open("nlvxlan");
});
afterAll(() => host.close());
beforeEach(() => host.removeDevices("flannel.1", "flannel-v6.1"));

const flannel6: VxlanLink = { ...FLANNEL_LINK, name: "flannel-v6.1", local: parseIp("2001:db8::1") };
const create = (link: VxlanLink): Operation => ({ op: "create-link", link });
const up = (name: string): Operation => ({ op: "set-link", name, up: true });

describe("a VXLAN device", () => {
  it("is what FLANNEL_LINK makes", async () => {
    await host.done(create(FLANNEL_LINK));
    const [seen] = await host.here.json("ip", "-d", "link", "show", "flannel.1");
    expect(seen).toMatchObject({
      ifname: "flannel.1",
      address: "0e:52:a1:00:00:07",
      mtu: 1450,
      flags: ["BROADCAST", "MULTICAST"],
      linkinfo: {
        info_kind: "vxlan",
        info_data: {
          id: 1,
          link: "eth0",
          local: "192.0.2.1",
          port: 8472,
          learning: false,
          ttl: 0,
          ageing: 300,
          udp_csum: true,
          udp_zero_csum6_tx: false,
          udp_zero_csum6_rx: false,
        },
      },
    });
    // iproute2 does not print a queue length of 0; the kernel's default would be 1000.
    expect(seen?.txqlen).toBeUndefined();
    const [info] = [seen?.linkinfo as { info_data: Record<string, unknown> }];
    expect(Object.keys(info.info_data).filter((key) => /gbp|proxy|rsc|miss|group/.test(key))).toEqual([]);
  });

  it("has port, learning and group policy where they are asked for", async () => {
    await host.done(create({ ...FLANNEL_LINK, port: 4789, learning: true, gbp: true, vni: 42 }));
    const [seen] = await host.here.json("ip", "-d", "link", "show", "flannel.1");
    expect(seen).toMatchObject({
      linkinfo: { info_data: { id: 42, port: 4789, learning: true, gbp: true } },
    });
  });

  it("runs over IPv6", async () => {
    await host.done(create(flannel6));
    const [seen] = await host.here.json("ip", "-d", "link", "show", "flannel-v6.1");
    expect(seen).toMatchObject({ linkinfo: { info_data: { local6: "2001:db8::1" } } });
  });

  it("is observed as it was asked for", async () => {
    await host.done(create(FLANNEL_LINK), up("flannel.1"));
    const { links } = await host.kernel.observe();
    const eth0 = links.find(({ name }) => name === "eth0");
    expect(eth0).toMatchObject({
      kind: "veth",
      mtuBytes: 1500,
      isUp: true,
      hasCarrier: true,
      settings: null,
    });
    expect(links.find(({ name }) => name === "lo")).toMatchObject({ isLoopback: true, kind: null });
    expect(links.find(({ name }) => name === "flannel.1")).toMatchObject({
      kind: "vxlan",
      mac: FLANNEL_LINK.mac,
      mtuBytes: 1450,
      isUp: true,
      settings: {
        kind: "vxlan",
        vni: 1,
        parentIndex: eth0?.index,
        local: "192.0.2.1",
        group: null,
        port: 8472,
        learning: false,
        gbp: false,
        l2miss: false,
      },
    });
  });

  it("that exists is not made again", async () => {
    await host.done(create(FLANNEL_LINK));
    expect(await host.codes(create(FLANNEL_LINK))).toEqual(["EEXIST"]);
  });

  it("with a number that is taken is refused in the kernel's own words", async () => {
    await host.done(create(FLANNEL_LINK));
    const [outcome] = await host.kernel.apply([create({ ...FLANNEL_LINK, name: "flannel-v6.1" })]);
    expect(outcome).toMatchObject({
      code: "EEXIST",
      operation: "create link flannel-v6.1 type vxlan id 1 dev eth0 local 192.0.2.1",
    });
    expect(outcome?.message).toContain("A VXLAN device with the specified VNI already exists");
  });

  it("changes in place: MTU, MAC, learning, local address, up and down", async () => {
    await host.done(create(FLANNEL_LINK), up("flannel.1"));
    const before = (await host.here.json("ip", "link", "show", "flannel.1"))[0]?.ifindex;
    const mac = parseMac("0e:52:a1:00:00:99");
    await host.done(
      { op: "set-link", name: "flannel.1", mtuBytes: 1400, mac, settings: { kind: "vxlan", learning: true } },
      { op: "set-link", name: "flannel.1", settings: { kind: "vxlan", local: parseIp("192.0.2.7") } },
    );
    const [seen] = await host.here.json("ip", "-d", "link", "show", "flannel.1");
    expect(seen).toMatchObject({
      ifindex: before,
      mtu: 1400,
      address: mac,
      linkinfo: { info_data: { id: 1, learning: true, local: "192.0.2.7", port: 8472, ttl: 0 } },
    });
    expect(seen?.flags).toContain("UP");
    await host.done({ op: "set-link", name: "flannel.1", up: false });
    expect((await host.here.json("ip", "link", "show", "flannel.1"))[0]?.flags).not.toContain("UP");
  });

  it.each(["eth9", "name-of-16-bytes", ""])(
    "on a parent %j that cannot be is an error of its own",
    async (parent) => {
      expect(await host.codes(create({ ...FLANNEL_LINK, parent }), create(FLANNEL_LINK))).toEqual([
        "ENODEV",
        null,
      ]);
    },
  );

  it("with a name too long for the kernel is an error, not a crash", async () => {
    expect(await host.codes(create({ ...FLANNEL_LINK, name: "flannel.123456789" }))).toEqual(["ERANGE"]);
  });
});
