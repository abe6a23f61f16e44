/** What the UDP data plane opens, on a real kernel: queues of a TUN device, sockets, and the lookup of path MTUs. */
import { closeSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Libc, openLibc } from "../../src/kernel/libc/libc.ts";
import { openPathMtuLookup } from "../../src/kernel/path-mtu.ts";
import { HeldTuns } from "../../src/kernel/tun.ts";
import { openTunQueue } from "../../src/kernel/tun-queue.ts";
import { openUdpSocket, type UdpSocketOptions } from "../../src/kernel/udp-socket.ts";
import { parseIp } from "../../src/net/index.ts";
import { Namespace } from "../support/netns.ts";

let libc: Libc;
let tuns: HeldTuns;
let namespace: Namespace;
let leave: () => void;
const opened: number[] = [];

beforeAll(async () => {
  libc = await openLibc();
  tuns = new HeldTuns(libc);
  namespace = await Namespace.create("udpk");
  await namespace.ip(
    "link add d0 type veth peer name d1",
    "link set d1 up",
    "address add 198.18.1.1/24 dev d0",
    "address add fd00:198:18::1/64 dev d0 nodad",
    "link set d0 up",
    "route add 198.18.2.0/24 via 198.18.1.2 mtu 1400",
    "route add fd00:198:19::/64 via fd00:198:18::2 mtu 1300",
  );
  leave = await namespace.enter();
});
afterEach(() => {
  for (const fd of opened.splice(0)) closeSync(fd);
});
afterAll(async () => {
  leave();
  await namespace.delete();
});

describe("queues of a TUN device", () => {
  const queue = (offload: boolean, name = "flannel0") => {
    const { fd, offload: granted } = openTunQueue(libc, { name, multiQueue: true }, offload);
    opened.push(fd);
    return granted;
  };

  test("cannot be had of a device that there is not, and none comes into being by asking", async () => {
    expect(() => queue(true)).toThrow(expect.objectContaining({ code: "ENODEV", retryable: true }));
    expect(await namespace.exec("ip", "-o", "link")).not.toContain("flannel0");
  });

  test("are as many as are opened, with the offloads of the kernel or with none", async () => {
    tuns.create({ kind: "tun", name: "flannel0", mtuBytes: 1472 });
    // USO came with Linux 6.2.
    expect(queue(true)).toMatch(/^tso/);
    expect(queue(false)).toBe("none");
    const [link] = await namespace.json("ip", "-d", "link", "show", "flannel0");
    expect(link).toMatchObject({ linkinfo: { info_data: { numqueues: 2, vnet_hdr: true, persist: false } } });
  });

  test("are given up with their descriptors, while the device stays", async () => {
    const [link] = await namespace.json("ip", "-d", "link", "show", "flannel0");
    expect(link).toMatchObject({ linkinfo: { info_data: { numqueues: 0, persist: false } } });
  });

  test("of somebody else's device with one queue only cannot be shared", async () => {
    await namespace.ip("tuntap add single mode tun");
    expect(() => queue(true, "single")).toThrow(expect.objectContaining({ code: "EINVAL" }));
  });

  test("go with the device when their process and the one that made it have gone", async () => {
    expect(queue(true)).toMatch(/^tso/);
    tuns.close();
    expect(await namespace.exec("ip", "-o", "link")).toContain("flannel0");
    for (const fd of opened.splice(0)) closeSync(fd);
    expect(await namespace.exec("ip", "-o", "link")).not.toContain("flannel0");
  });
});

describe("sockets", () => {
  const socket = (different: Partial<UdpSocketOptions> = {}) => {
    const options = {
      ip: parseIp("198.18.1.1"),
      port: 8285,
      reusePort: false,
      gro: true,
      receiveBufferBytes: 1 << 20,
      sendBufferBytes: 1 << 20,
      sendTimeoutMs: 200,
      ...different,
    };
    const { fd, gro } = openUdpSocket(libc, options);
    opened.push(fd);
    return gro;
  };

  test.each(["198.18.1.1", "fd00:198:18::1"])("are bound to %s, with GRO", async (ip) => {
    expect(socket({ ip: parseIp(ip) })).toBe(true);
    const bound = ip.includes(":") ? `[${ip}]:8285` : `${ip}:8285`;
    expect(await namespace.exec("ss", "-uln")).toContain(bound);
  });

  test("cannot have an address that is not here, or is taken", () => {
    const elsewhere = parseIp("198.18.1.9");
    expect(() => socket({ ip: elsewhere })).toThrow(
      expect.objectContaining({ code: "EADDRNOTAVAIL", message: expect.stringContaining("198.18.1.9:8285") }),
    );
    socket();
    expect(() => socket()).toThrow(expect.objectContaining({ code: "EADDRINUSE" }));
  });

  test("share an address only when all of them say so", () => {
    socket({ reusePort: true });
    socket({ reusePort: true });
    expect(() => socket()).toThrow(expect.objectContaining({ code: "EADDRINUSE" }));
  });
});

describe("the MTU of a path", () => {
  test.each([
    ["198.18.1.7", 1500],
    ["198.18.2.7", 1400],
    ["fd00:198:18::7", 1500],
    ["fd00:198:19::7", 1300],
    ["192.0.2.1", null],
    ["fd00:ffff::1", null],
  ])("to %s is %s", async (ip, mtuBytes) => {
    const lookUp = await openPathMtuLookup();
    expect(lookUp(parseIp(ip))).toBe(mtuBytes);
  });
});
