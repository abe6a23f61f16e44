import type { VxlanSender } from "../../src/kernel/firewall/packet-origins.ts";
import type { KernelState } from "../../src/kernel/state.ts";
import { ipv4FromBits, type Mac, parseIp, parseMac, parsePrefix, prefixOf } from "../../src/net/index.ts";

const iface = "flannel.1";

/** A vxlan node with that many peers in 10.244.0.0/16; peer `changed` has moved to another MAC and address. */
export function stateOfPeers(count: number, changed = -1): KernelState {
  const peers = Array.from({ length: count }, (_, number) => {
    const via = ipv4FromBits(0x0af40000 + (number + 16) * 8);
    const isChanged = number === changed;
    const remote = ipv4FromBits((isChanged ? 0xc0a90000 : 0xc0a80000) + number);
    return { dst: prefixOf(via, 29), via, mac: macOf(number, isChanged), remote };
  });
  return {
    links: [
      {
        kind: "vxlan",
        name: iface,
        mac: parseMac("0e:aa:00:00:00:01"),
        mtuBytes: 1450,
        vni: 1,
        parent: "eth0",
        local: parseIp("192.168.0.1"),
        port: null,
        learning: false,
        gbp: false,
      },
    ],
    addresses: [{ iface, ip: parseIp("10.244.0.0"), length: 32 }],
    fdb: peers.map(({ mac, remote }) => ({ iface, mac, remote })),
    neighbours: peers.map(({ via: ip, mac }) => ({ iface, ip, mac })),
    routes: peers.map(({ dst, via }) => ({ dst, via, iface, onlink: true, protocol: 3, mtuBytes: null })),
    blackholes: [],
    sysctls: [],
  };
}

function macOf(number: number, isChanged: boolean): Mac {
  const tail = number.toString(16).padStart(4, "0");
  return parseMac(`0e:00:00:0${isChanged ? 1 : 0}:${tail.slice(0, 2)}:${tail.slice(2)}`);
}

/** That many dual-stack peers as the packet filter knows them, each with one subnet in either family. */
export function vxlanSenders(count: number): readonly VxlanSender[] {
  return Array.from({ length: count }, (_, index) => [
    {
      outer: parseIp(`172.16.${index >> 8}.${index & 255}`),
      inner: parsePrefix(`10.${64 + (index >> 8)}.${index & 255}.0/24`),
    },
    {
      outer: parseIp(`2001:db8::${(index + 1).toString(16)}`),
      inner: parsePrefix(`fd00:0:0:${(index + 1).toString(16)}::/64`),
    },
  ]).flat();
}
