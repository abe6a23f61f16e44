import { endianness } from "node:os";
import { type Ip, isIpv4 } from "../net/index.ts";
import { errnoError } from "./libc/errno.ts";
import { openLibrary } from "./libc/library.ts";
import { bindSocketCalls, SOCK_CLOEXEC } from "./libc/socket.ts";
import { AF_INET, AF_INET6, encodeSocketAddress } from "./libc/socket-address.ts";
import { SOCK_DGRAM } from "./libc/unix-datagram.ts";

const IPPROTO_IP = 0;
const IP_MTU = 14;
const IPPROTO_IPV6 = 41;
const IPV6_MTU = 24;
/** Any port: nothing is sent. */
const DISCARD_PORT = 9;

/** The kernel's path MTU to `ip` in bytes, as learnt from routers; null without a route. */
export type LookUpPathMtu = (ip: Ip) => number | null;

/** The lookups are in the network namespace of the calling thread. */
export async function openPathMtuLookup(): Promise<LookUpPathMtu> {
  const library = await openLibrary();
  const sockets = bindSocketCalls(library);
  const connect = library.bind<(fd: number, address: Uint8Array, length: number) => number>(
    "int connect(int fd, const void *address, uint32_t length)",
  );
  const getsockopt = library.bind<
    (fd: number, level: number, option: number, value: Uint8Array, length: Uint32Array) => number
  >("int getsockopt(int fd, int level, int option, void *value, void *length)");
  return (ip) => {
    const fd = sockets.socket(isIpv4(ip) ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) throw errnoError("open UDP socket", library.errno());
    try {
      const address = encodeSocketAddress(ip, DISCARD_PORT);
      if (connect(fd, address, address.length) < 0) return null;
      const value = new Uint8Array(4);
      const [level, option] = isIpv4(ip) ? [IPPROTO_IP, IP_MTU] : [IPPROTO_IPV6, IPV6_MTU];
      if (getsockopt(fd, level, option, value, Uint32Array.of(4)) < 0) return null;
      return new DataView(value.buffer).getInt32(0, endianness() === "LE");
    } finally {
      sockets.close(fd);
    }
  };
}
