import { endianness } from "node:os";
import { type Ip, ipToBytes, isIpv4 } from "../../net/index.ts";

export const AF_INET = 2;
export const AF_INET6 = 10;

/** struct sockaddr_in (16 bytes) or sockaddr_in6 (28 bytes): the family in host order, the port in network order. */
export function encodeSocketAddress(ip: Ip, port: number): Uint8Array {
  const address = new Uint8Array(isIpv4(ip) ? 16 : 28);
  const view = new DataView(address.buffer);
  view.setUint16(0, isIpv4(ip) ? AF_INET : AF_INET6, endianness() === "LE");
  view.setUint16(2, port);
  address.set(ipToBytes(ip), isIpv4(ip) ? 4 : 8);
  return address;
}
