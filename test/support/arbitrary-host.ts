/**
 * Hosts for the reconciler's properties: objects that an earlier Tweed or flannel left, tampered with, among foreign
 * objects.
 *
 *   eth0 192.168.9.1/24   underlay          flannel.1, .2, -v6.1, flannel0   ours
 *   eth1 192.168.8.1/24   another card      flannel.9 10.99.0.0/32           another cluster's
 *   cni0 10.244.1.1/24    pods' bridge
 */
import fc from "fast-check";
import { isBlackhole } from "../../src/kernel/objects/blackhole.ts";
import type { Operation } from "../../src/kernel/operation.ts";
import { DEVICE_NAME, type Ownership } from "../../src/kernel/reconcile/ownership.ts";
import type { KernelState, LinkState } from "../../src/kernel/state.ts";
import {
  containsPrefix,
  type Ip,
  type Mac,
  type Prefix,
  parseIp,
  parseMac,
  parsePrefix,
} from "../../src/net/index.ts";
import { FakeKernel } from "./fake-kernel.ts";

export const OWN: Ownership = {
  networks: [parsePrefix("10.244.0.0/16"), parsePrefix("fd00:10:244::/48")],
  deviceName: DEVICE_NAME,
};
export const OWN_DEVICES = ["flannel.1", "flannel.2", "flannel-v6.1", "flannel0"];
const PEERS = [0, 1, 2, 3];

export interface Wish {
  readonly tunnel: "flannel.1" | "flannel.2";
  /** The VNI differs from the one in the device's name. */
  readonly hasOtherVni: boolean;
  readonly port: number | null;
  readonly parent: "eth0" | "eth1";
  readonly local: number;
  readonly mtuBytes: number;
  readonly learning: boolean;
  readonly ownMac: number;
  readonly ownSubnet: number;
  readonly addressLength: number;
  /** Rotates the peers' MACs, so that one peer's MAC becomes another's. */
  readonly macShift: number;
  readonly remoteShift: number;
  readonly hasV6: boolean;
  readonly hasTun: boolean;
  /** One route for the whole network, as flannel's udp backend has it. */
  readonly hasWideRoute: boolean;
  /** Both families of the own subnet, beside the bridge's prefix. */
  readonly hasBlackholes: boolean;
  /** In IPv4 peers may also send without a tunnel. */
  readonly hasBareWays: boolean;
  readonly paths: readonly ("none" | "tunnel" | "direct" | "tun")[];
}

/** One peer with the subnet 10.244.2.0/24, reached at 192.168.9.10 through the tunnel. */
export const ONE_PEER: Wish = {
  tunnel: "flannel.1",
  hasOtherVni: false,
  port: null,
  parent: "eth0",
  local: 1,
  mtuBytes: 1450,
  learning: false,
  ownMac: 1,
  ownSubnet: 1,
  addressLength: 0,
  macShift: 0,
  remoteShift: 0,
  hasV6: false,
  hasTun: false,
  hasWideRoute: false,
  hasBlackholes: false,
  hasBareWays: false,
  paths: ["tunnel", "none", "none", "none"],
};

export const wishes: fc.Arbitrary<Wish> = fc.record({
  tunnel: fc.constantFrom("flannel.1", "flannel.2"),
  hasOtherVni: fc.constantFrom(false, false, false, true),
  port: fc.constantFrom(null, null, 8472, 4789),
  parent: fc.constantFrom("eth0", "eth0", "eth0", "eth1"),
  local: fc.constantFrom(1, 1, 2),
  mtuBytes: fc.constantFrom(1450, 1400),
  learning: fc.boolean(),
  ownMac: fc.constantFrom(1, 1, 1, 2),
  ownSubnet: fc.constantFrom(1, 1, 8),
  addressLength: fc.constantFrom(0, 0, 16),
  macShift: fc.nat(3),
  remoteShift: fc.nat(1),
  hasV6: fc.boolean(),
  hasTun: fc.boolean(),
  hasWideRoute: fc.boolean(),
  hasBlackholes: fc.boolean(),
  hasBareWays: fc.boolean(),
  paths: fc.array(fc.constantFrom("none", "tunnel", "tunnel", "direct", "tun"), {
    minLength: PEERS.length,
    maxLength: PEERS.length,
  }),
});

/** The plan of the backends for the wish. */
export function stateOf(wish: Wish): KernelState {
  const usesTun = wish.hasTun || wish.hasWideRoute || wish.paths.includes("tun");
  const links: LinkState[] = [tunnelOf(wish, wish.tunnel, `192.168.9.${wish.local}`)];
  if (wish.hasV6) links.push(tunnelOf(wish, "flannel-v6.1", `fd09::${wish.local}`));
  if (usesTun) links.push({ kind: "tun", name: "flannel0", mtuBytes: 1472 });

  const addresses = [address(wish.tunnel, `10.244.${wish.ownSubnet}.0`, 32 - wish.addressLength)];
  if (wish.hasV6) {
    addresses.push(address("flannel-v6.1", `fd00:10:244:${wish.ownSubnet}::`, 128 - wish.addressLength));
  }
  if (usesTun) addresses.push(address("flannel0", `10.244.${wish.ownSubnet}.0`, 32));

  const state = {
    links,
    addresses,
    fdb: [] as KernelState["fdb"][number][],
    neighbours: [] as KernelState["neighbours"][number][],
    routes: [] as KernelState["routes"][number][],
    blackholes: wish.hasBlackholes
      ? [`10.244.${wish.ownSubnet}.0/24`, `fd00:10:244:${wish.ownSubnet}::/64`].map(parsePrefix)
      : [],
    sysctls: links.map(({ name }) => ({ path: `net/ipv6/conf/${name}/accept_ra`, value: "0" })),
  };
  if (wish.hasWideRoute) {
    const dst = parsePrefix("10.244.0.0/16");
    state.routes.push({ dst, via: null, iface: "flannel0", onlink: false, protocol: 3, mtuBytes: null });
  }
  for (const [peer, path] of wish.paths.entries()) {
    const mac = peerMac((peer + wish.macShift) % PEERS.length);
    const far = 10 + peer + 10 * wish.remoteShift;
    const dst = parsePrefix(`10.244.${peer + 2}.0/24`);
    const shared = { mtuBytes: null, onlink: false };
    const bareWay = wish.hasBareWays ? { alsoFrom: { via: ip(`192.168.9.${far}`), iface: "eth0" } } : {};
    if (path === "direct") {
      state.routes.push({ ...shared, dst, via: ip(`192.168.9.${far}`), iface: "eth0", protocol: 116 });
    } else if (path === "tun") {
      state.routes.push({ ...shared, dst, via: null, iface: "flannel0", protocol: 3, ...bareWay });
    }
    const tunnels =
      path === "tunnel" ? [[wish.tunnel, `10.244.${peer + 2}.0`, 24, `192.168.9.${far}`] as const] : [];
    const sixth = [["flannel-v6.1", `fd00:10:244:${peer + 2}::`, 64, `fd09::${far}`] as const];
    if (wish.hasV6 && path === "direct") {
      const sixthDst = parsePrefix(`fd00:10:244:${peer + 2}::/64`);
      state.routes.push({ ...shared, dst: sixthDst, via: ip(`fd09::${far}`), iface: "eth0", protocol: 116 });
    }
    for (const [iface, vtep, length, remote] of [
      ...tunnels,
      ...(wish.hasV6 && (path === "tunnel" || path === "tun") ? sixth : []),
    ]) {
      const via = ip(vtep);
      state.neighbours.push({ iface, ip: via, mac });
      state.fdb.push({ iface, mac, remote: ip(remote) });
      const dst = parsePrefix(`${vtep}/${length}`);
      const others = length === 24 ? bareWay : {};
      state.routes.push({ dst, via, iface, onlink: true, protocol: 3, mtuBytes: null, ...others });
    }
  }
  return state;
}

/** The peers' subnets that a state leads to, by a route of their own or a wider one. */
export function servedSubnets({ routes }: KernelState): readonly Prefix[] {
  const subnets = PEERS.flatMap((peer) => [`10.244.${peer + 2}.0/24`, `fd00:10:244:${peer + 2}::/64`]);
  return subnets.map(parsePrefix).filter((subnet) => routes.some(({ dst }) => containsPrefix(dst, subnet)));
}

export type Tampering =
  | { readonly what: "route" | "blackhole" | "address" | "neighbour" | "fdb" | "link"; readonly nth: number }
  | { readonly what: "down" | "mtu" | "stray-neighbour" | "stray-fdb" | "stray-route"; readonly nth: number };

export const tamperings: fc.Arbitrary<Tampering> = fc.record({
  what: fc.constantFrom(
    "route",
    "route",
    "blackhole",
    "address",
    "neighbour",
    "fdb",
    "link",
    "down",
    "mtu",
    "stray-neighbour",
    "stray-fdb",
    "stray-route",
  ),
  nth: fc.nat(30),
});

/** Another program, or an operator, tampers with our objects. */
export function tamper(kernel: FakeKernel, { what, nth }: Tampering): void {
  const isOurs = ({ iface }: { readonly iface: string | null }) =>
    iface !== null && OWN_DEVICES.includes(iface);
  const device = pick(
    [...kernel.links.keys()].filter((name) => OWN_DEVICES.includes(name)),
    nth,
  );
  const act = (operation: Operation) => kernel.execute(operation);
  switch (what) {
    case "route": {
      const route = pick(
        kernel.routes.filter((route) => isOurs(route) || route.protocol === 116),
        nth,
      );
      if (route !== undefined && route.iface !== null) {
        act({ op: "delete-route", route: { ...route, iface: route.iface }, metric: route.metric });
      }
      return;
    }
    case "blackhole": {
      const dst = pick([...kernel.routes].filter(isBlackhole), nth)?.dst;
      if (dst !== undefined) act({ op: "delete-blackhole", dst });
      return;
    }
    case "address": {
      const address = pick(kernel.addresses.filter(isOurs), nth);
      if (address !== undefined) act({ op: "delete-address", address });
      return;
    }
    case "neighbour": {
      const entry = pick(kernel.neighbours.filter(isOurs), nth);
      if (entry !== undefined) {
        act({ op: "delete-neighbour", entry: { ...entry, mac: entry.mac ?? peerMac(0) } });
      }
      return;
    }
    case "fdb": {
      const entry = pick(kernel.fdb.filter(isOurs), nth);
      if (entry !== undefined && entry.remote !== null) {
        act({ op: "delete-fdb", entry: { ...entry, remote: entry.remote } });
      }
      return;
    }
    case "link":
      if (device !== undefined) act({ op: "delete-link", name: device });
      return;
    case "down":
      if (device !== undefined) act({ op: "set-link", name: device, up: false });
      return;
    case "mtu":
      if (device !== undefined) act({ op: "set-link", name: device, mtuBytes: 1300 });
      return;
    case "stray-neighbour":
      if (device !== undefined) {
        const entry = { iface: device, ip: ip(`10.244.${nth}.0`), mac: peerMac(nth % 5) };
        act({ op: "put-neighbour", entry });
      }
      return;
    case "stray-fdb":
      if (device !== undefined) {
        const mac = nth % 3 === 0 ? parseMac("00:00:00:00:00:00") : peerMac(nth % 5);
        act({ op: "put-fdb", entry: { iface: device, mac, remote: ip(`192.168.9.${100 + nth}`) } });
      }
      return;
    case "stray-route":
      if (device !== undefined) {
        const dst = parsePrefix(`10.244.${nth}.0/24`);
        act({
          op: "put-route",
          route: { dst, via: null, iface: device, onlink: false, protocol: 3, mtuBytes: null },
        });
      }
  }
}

/** A host on which an earlier wish was programmed, then changed by `since`. */
export function hostOf(former: Wish | null, since: readonly Tampering[]): FakeKernel {
  const kernel = new FakeKernel();
  for (const name of ["eth0", "eth1"]) kernel.addDevice(name);
  kernel.addDevice("cni0", { kind: "bridge" });
  const give = (iface: string, text: string, length: number) =>
    kernel.execute({ op: "add-address", address: address(iface, text, length) });
  give("eth0", "192.168.9.1", 24);
  give("eth0", "fd09::1", 64);
  give("eth1", "192.168.8.1", 24);
  give("cni0", "10.244.1.1", 24);
  kernel.putObservedRoute({
    ...{ dst: parsePrefix("10.244.3.0/24"), via: ip("192.168.9.200"), iface: "eth0", onlink: false },
    ...{ protocol: 4, metric: 50, mtuBytes: null, source: null },
  });
  kernel.putObservedRoute({
    ...{ dst: parsePrefix("10.50.0.0/16"), via: ip("192.168.9.254"), iface: "eth0", onlink: false },
    ...{ protocol: 3, metric: 0, mtuBytes: null, source: null },
  });
  buildAnotherCluster(kernel);
  if (former !== null) build(kernel, stateOf(former));
  for (const each of since) tamper(kernel, each);
  leaveTraces(kernel);
  return kernel;
}

function build(kernel: FakeKernel, state: KernelState): void {
  const operations: Operation[] = [
    ...state.links.map((link) => ({ op: "create-link", link }) as const),
    ...state.addresses.map((address) => ({ op: "add-address", address }) as const),
    ...state.links.map(({ name }) => ({ op: "set-link", name, up: true }) as const),
    ...state.fdb.map((entry) => ({ op: "put-fdb", entry }) as const),
    ...state.neighbours.map((entry) => ({ op: "put-neighbour", entry }) as const),
    ...state.routes.map((route) => ({ op: "put-route", route }) as const),
    ...state.blackholes.map((dst) => ({ op: "put-blackhole", dst }) as const),
  ];
  for (const operation of operations) kernel.execute(operation);
}

function buildAnotherCluster(kernel: FakeKernel): void {
  const iface = "flannel.9";
  const link = { name: iface, mac: peerMac(9), mtuBytes: 1450, vni: 9, parent: "eth1", port: null } as const;
  const local = ip("192.168.8.1");
  const via = ip("10.99.2.0");
  build(kernel, {
    links: [{ ...link, kind: "vxlan", local, learning: false, gbp: false }],
    addresses: [address(iface, "10.99.1.0", 32)],
    fdb: [{ iface, mac: peerMac(8), remote: ip("192.168.8.2") }],
    neighbours: [{ iface, ip: via, mac: peerMac(8) }],
    routes: [{ dst: parsePrefix("10.99.2.0/24"), via, iface, onlink: true, protocol: 3, mtuBytes: null }],
    blackholes: [],
    sysctls: [],
  });
}

/** Objects that the kernel itself puts on a tunnel device, which are never ours. */
function leaveTraces(kernel: FakeKernel): void {
  for (const iface of OWN_DEVICES) {
    if (kernel.links.get(iface)?.kind !== "vxlan") continue;
    kernel.putObservedFdb({
      iface,
      mac: parseMac("0e:77:00:00:00:01"),
      remote: ip("192.168.9.77"),
      isPermanent: false,
    });
    kernel.putObservedNeighbour({ iface, ip: ip("10.244.77.0"), mac: null, isPermanent: false });
  }
}

function tunnelOf(wish: Wish, name: string, local: string): LinkState {
  const { hasOtherVni, port, parent, mtuBytes, learning } = wish;
  const vni = Number(name.at(-1)) + (hasOtherVni ? 6 : 0);
  const mac = parseMac(`0e:aa:00:00:00:0${wish.ownMac}`);
  return { kind: "vxlan", name, mac, mtuBytes, vni, parent, local: ip(local), port, learning, gbp: false };
}

export function peerMac(number: number): Mac {
  return parseMac(`0e:00:00:00:00:0${number}`);
}

function address(iface: string, text: string, length: number) {
  return { iface, ip: ip(text), length };
}

function ip(text: string): Ip {
  return parseIp(text);
}

function pick<T>(items: readonly T[], nth: number): T | undefined {
  return items[nth % Math.max(1, items.length)];
}
