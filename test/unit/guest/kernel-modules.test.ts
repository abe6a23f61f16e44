import { expect, test } from "vitest";
import { KernelModules } from "../../guest/kernel-modules.ts";

const modules = new KernelModules(
  [
    "kernel/fs/netfs/netfs.ko.xz:",
    "kernel/net/9p/9pnet.ko.xz: kernel/fs/netfs/netfs.ko.xz",
    "kernel/net/9p/9pnet_virtio.ko.xz: kernel/net/9p/9pnet.ko.xz kernel/fs/netfs/netfs.ko.xz",
    "kernel/net/ipv4/udp_tunnel.ko:",
    "kernel/drivers/net/vxlan/vxlan.ko: kernel/net/ipv4/udp_tunnel.ko",
    "kernel/net/sched/act_mirred-more.ko:",
    "",
  ].join("\n"),
  "kernel/drivers/virtio/virtio_pci.ko\nkernel/drivers/block/virtio-blk.ko\n",
);

test("a module is loaded after what it stands on, and nothing twice", () => {
  expect(modules.loadOrder(["9pnet_virtio", "9pnet", "vxlan"])).toEqual([
    "kernel/fs/netfs/netfs.ko.xz",
    "kernel/net/9p/9pnet.ko.xz",
    "kernel/net/9p/9pnet_virtio.ko.xz",
    "kernel/net/ipv4/udp_tunnel.ko",
    "kernel/drivers/net/vxlan/vxlan.ko",
  ]);
});

test("what is built in needs no file", () => {
  expect(modules.loadOrder(["virtio_pci"])).toEqual([]);
  expect(modules.missing(["virtio_pci", "virtio_blk"])).toEqual([]);
});

test("what the kernel has neither way is named", () => {
  expect(modules.missing(["vxlan", "wireguard", "ipip"])).toEqual(["wireguard", "ipip"]);
});

test("a dash in a name is as good as an underscore", () => {
  expect(modules.loadOrder(["act-mirred_more"])).toEqual(["kernel/net/sched/act_mirred-more.ko"]);
});
