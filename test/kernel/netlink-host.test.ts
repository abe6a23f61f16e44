/** Addresses, TUN devices and sysctls that LinuxKernel makes, as iproute2 and /proc see them. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Operation } from "../../src/kernel/operation.ts";
import type { VxlanLink } from "../../src/kernel/state.ts";
import { parseIp } from "../../src/net/index.ts";
import { FLANNEL_LINK } from "../support/flannel-samples.ts";
import { NetlinkHost } from "../support/netlink-host.ts";

let host: NetlinkHost;

beforeAll(async () => {
  host = await NetlinkHost.open("nlhost");
});
afterAll(() => host.close());
beforeEach(() => host.removeDevices("flannel.1", "flannel0"));

const create = (link: VxlanLink): Operation => ({ op: "create-link", link });
const up = (name: string): Operation => ({ op: "set-link", name, up: true });

describe("addresses", () => {
  it("are added, seen and taken away; IPv6 is usable at once", async () => {
    const v4 = { iface: "flannel.1", ip: parseIp("10.244.1.0"), length: 32 };
    const v6 = { iface: "flannel.1", ip: parseIp("fd00:10:244:1::"), length: 128 };
    await host.done(create(FLANNEL_LINK), up("flannel.1"));
    await host.done({ op: "add-address", address: v4 }, { op: "add-address", address: v6 });
    const ofOurs = async () =>
      (await host.kernel.observe()).addresses.filter(
        ({ iface, isLinkLocal }) => iface === "flannel.1" && !isLinkLocal,
      );
    const seen = await ofOurs();
    expect(seen).toMatchObject([
      { ...v4, isPermanent: true, isTemporary: false },
      { ...v6, isPermanent: true, isTentative: false },
    ]);
    // Again: no error, and still one of each.
    await host.done({ op: "add-address", address: v4 }, { op: "add-address", address: v6 });
    expect(await ofOurs()).toEqual(seen);
    const remove: Operation[] = [v4, v6].map((address) => ({ op: "delete-address", address }));
    await host.done(...remove, ...remove);
    expect(await ofOurs()).toEqual([]);
  });

  it("of others are told by what they are", async () => {
    await host.here.ip("addr add 169.254.7.7/16 dev eth0 valid_lft 900 preferred_lft 600");
    const { addresses } = await host.kernel.observe();
    expect(addresses.find(({ ip }) => ip === "169.254.7.7")).toMatchObject({
      iface: "eth0",
      length: 16,
      isLinkLocal: true,
      isPermanent: false,
      isDeprecated: false,
    });
    expect(addresses.find(({ ip }) => ip.startsWith("fe80"))).toMatchObject({ isLinkLocal: true });
    await host.here.ip("addr del 169.254.7.7/16 dev eth0");
  });
});

describe("a TUN device", () => {
  const link = { kind: "tun", name: "flannel0", mtuBytes: 1472 } as const;

  it("is made with queues for others, and deleted like any link", async () => {
    await host.done({ op: "create-link", link });
    const [seen] = await host.here.json("ip", "-d", "link", "show", "flannel0");
    expect(seen).toMatchObject({
      mtu: 1472,
      linkinfo: {
        info_kind: "tun",
        info_data: {
          type: "tun",
          pi: false,
          vnet_hdr: true,
          multi_queue: true,
          numqueues: 0,
          persist: false,
        },
      },
    });
    expect((await host.kernel.observe()).links.find(({ name }) => name === "flannel0")).toMatchObject({
      kind: "tun",
      mtuBytes: 1472,
      settings: { kind: "tun", isPersistent: false, multiQueue: true },
    });
    await host.done({ op: "delete-link", name: "flannel0" });
    expect((await host.kernel.observe()).links.some(({ name }) => name === "flannel0")).toBe(false);
    await host.done({ op: "create-link", link }, { op: "delete-link", name: "flannel0" });
  });

  it.each(["flannel0", "eth0"])("is not made where the name %s is taken", async (name) => {
    await host.done({ op: "create-link", link });
    expect(await host.codes({ op: "create-link", link: { ...link, name } })).toEqual(["EEXIST"]);
  });

  it.each(["flannel%d", "", "name-of-16-bytes"])("is not made with the name %j", async (name) => {
    expect(await host.codes({ op: "create-link", link: { ...link, name } })).toEqual(["EINVAL"]);
  });

  it("that is a TAP device is seen as another kind", async () => {
    await host.here.ip("tuntap add tap0 mode tap");
    expect((await host.kernel.observe()).links.find(({ name }) => name === "tap0")).toMatchObject({
      kind: "tap",
      settings: { kind: "tap" },
    });
    await host.here.ip("link del tap0");
  });
});

describe("a sysctl", () => {
  it("is written in the namespace, of a device made in the same batch, dot in its name and all", async () => {
    const path = "net/ipv6/conf/flannel.1/accept_ra";
    await host.done(create(FLANNEL_LINK), { op: "write-sysctl", sysctl: { path, value: "0" } });
    expect(readFileSync(`/proc/sys/${path}`, "latin1").trim()).toBe("0");
    expect((await host.here.exec("cat", `/proc/sys/${path}`)).trim()).toBe("0");
    await host.done({ op: "write-sysctl", sysctl: { path, value: "2" } });
    expect((await host.here.exec("cat", `/proc/sys/${path}`)).trim()).toBe("2");
  });

  it("of a device that is not there, or of a value that is refused, is told", async () => {
    expect(
      await host.codes(
        { op: "write-sysctl", sysctl: { path: "net/ipv6/conf/flannel.1/accept_ra", value: "0" } },
        { op: "write-sysctl", sysctl: { path: "net/ipv4/ip_forward", value: "perhaps" } },
      ),
    ).toEqual(["sysctl-missing", "sysctl-refused"]);
  });
});
