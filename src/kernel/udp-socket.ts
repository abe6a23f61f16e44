/** UDP sockets for batches of packets. */
import { type Ip, isIpv4 } from "../net/index.ts";
import { errnoError } from "./libc/errno.ts";
import type { Libc } from "./libc/libc.ts";
import { SO_RCVBUF, SO_RCVBUFFORCE, SOCK_CLOEXEC, SOL_SOCKET } from "./libc/socket.ts";
import { AF_INET, AF_INET6, encodeSocketAddress } from "./libc/socket-address.ts";
import { SOCK_DGRAM } from "./libc/unix-datagram.ts";

const SO_REUSEADDR = 2;
const SO_SNDBUF = 7;
const SO_REUSEPORT = 15;
/** A struct timeval of 64-bit fields (asm-generic/socket.h). */
const SO_SNDTIMEO = 21;
/** As SO_SNDBUF but past net.core.wmem_max; needs CAP_NET_ADMIN. */
const SO_SNDBUFFORCE = 32;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const SOL_UDP = 17;
/** linux/udp.h: datagrams of one flow may arrive merged, with their size in a control message. */
const UDP_GRO = 104;

export interface UdpSocketOptions {
  readonly ip: Ip;
  readonly port: number;
  /** Several sockets share the address; each flow uses one of them. */
  readonly reusePort: boolean;
  /** Request UDP_GRO. */
  readonly gro: boolean;
  readonly receiveBufferBytes: number;
  readonly sendBufferBytes: number;
  /** A send that blocks for this long fails with EAGAIN. */
  readonly sendTimeoutMs: number;
}

export interface UdpSocket {
  readonly fd: number;
  /** Whether the kernel granted UDP_GRO. */
  readonly gro: boolean;
}

/**
 * Opens and binds a blocking socket in the network namespace of the calling thread.
 * @throws TweedError `EADDRNOTAVAIL`, `EADDRINUSE`, … with the address in it
 */
export function openUdpSocket(libc: Libc, options: UdpSocketOptions): UdpSocket {
  const { ip, port } = options;
  const operation = `bind UDP socket to ${isIpv4(ip) ? ip : `[${ip}]`}:${port}`;
  const fd = libc.sockets.socket(isIpv4(ip) ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw errnoError(operation, libc.errno());
  const set = (level: number, option: number, value: number): boolean =>
    libc.sockets.setsockopt(fd, level, option, new Uint8Array(Int32Array.of(value).buffer), 4) === 0;
  try {
    if (options.reusePort && !(set(SOL_SOCKET, SO_REUSEADDR, 1) && set(SOL_SOCKET, SO_REUSEPORT, 1))) {
      throw errnoError(operation, libc.errno(), "SO_REUSEPORT");
    }
    if (!isIpv4(ip)) set(IPPROTO_IPV6, IPV6_V6ONLY, 1);
    // The kernel silently limits a size to the host's maximum, so the FORCE option is tried first.
    if (!set(SOL_SOCKET, SO_RCVBUFFORCE, options.receiveBufferBytes)) {
      set(SOL_SOCKET, SO_RCVBUF, options.receiveBufferBytes);
    }
    if (!set(SOL_SOCKET, SO_SNDBUFFORCE, options.sendBufferBytes)) {
      set(SOL_SOCKET, SO_SNDBUF, options.sendBufferBytes);
    }
    const timeout = new Uint8Array(BigInt64Array.of(0n, BigInt(options.sendTimeoutMs) * 1000n).buffer);
    if (libc.sockets.setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, timeout, timeout.length) < 0) {
      throw errnoError(operation, libc.errno(), "SO_SNDTIMEO");
    }
    const gro = options.gro && set(SOL_UDP, UDP_GRO, 1);
    const address = encodeSocketAddress(ip, port);
    if (libc.sockets.bind(fd, address, address.length) < 0) throw errnoError(operation, libc.errno());
    return { fd, gro };
  } catch (error) {
    libc.sockets.close(fd);
    throw error;
  }
}
