import type { KernelState } from "../../src/kernel/state.ts";
import { ipv4FromBits, type Mac, parseIp, parseMac, prefixOf } from "../../src/net/index.ts";

const iface = "flannel.1";

/** A vxlan node with `count` peers in 10.244.0.0/16; peer `changed` has another MAC and address. */
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
