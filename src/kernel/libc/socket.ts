/** The socket calls, with the arguments and results of the C functions; -1 means see errno. */
import type { Library } from "./library.ts";

export interface SocketCalls {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array, addressBytes: number): number;
  connect(fd: number, address: Uint8Array, addressBytes: number): number;
  setsockopt(fd: number, level: number, option: number, value: Uint8Array, valueBytes: number): number;
  /** Returns the number of bytes sent. */
  send(fd: number, bytes: Uint8Array, length: number, flags: number): number;
  /**
   * Returns the length of the datagram; with MSG_TRUNC its full length, even if it did not fit. `address` receives the
   * sender; `addressBytes` is its capacity before the call and its size after it.
   */
  recvfrom(
    fd: number,
    bytes: Uint8Array,
    room: number,
    flags: number,
    address: Uint8Array,
    addressBytes: Uint32Array,
  ): number;
  sendto(
    fd: number,
    bytes: Uint8Array,
    length: number,
    flags: number,
    address: Uint8Array,
    addressBytes: number,
  ): number;
  close(fd: number): number;
}

export function bindSocketCalls(library: Library): SocketCalls {
  return {
    socket: library.bind<SocketCalls["socket"]>("int socket(int domain, int type, int protocol)"),
    bind: library.bind<SocketCalls["bind"]>("int bind(int fd, const void *address, uint32_t length)"),
    connect: library.bind<SocketCalls["connect"]>(
      "int connect(int fd, const void *address, uint32_t length)",
    ),
    setsockopt: library.bind<SocketCalls["setsockopt"]>(
      "int setsockopt(int fd, int level, int option, const void *value, uint32_t length)",
    ),
    send: library.bind<SocketCalls["send"]>(
      "int64_t send(int fd, const void *bytes, size_t length, int flags)",
    ),
    recvfrom: library.bind<SocketCalls["recvfrom"]>(
      "int64_t recvfrom(int fd, void *bytes, size_t room, int flags, void *address, void *length)",
    ),
    sendto: library.bind<SocketCalls["sendto"]>(
      "int64_t sendto(int fd, const void *bytes, size_t length, int flags, const void *address, uint32_t addressBytes)",
    ),
    close: library.bind<SocketCalls["close"]>("int close(int fd)"),
  };
}

export const AF_NETLINK = 16;
export const SOCK_STREAM = 1;
export const SOCK_RAW = 3;
export const SOCK_CLOEXEC = 0o2000000;
export const MSG_DONTWAIT = 0x40;
export const MSG_TRUNC = 0x20;

export const SOL_SOCKET = 1;
export const SO_RCVBUF = 8;
/** struct timeval; limits connect(2) too (socket(7)). */
export const SO_SNDTIMEO = 21;
/** As SO_RCVBUF but past net.core.rmem_max; needs CAP_NET_ADMIN. */
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;
