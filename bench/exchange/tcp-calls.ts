/**
 * Blocking TCP sockets. Node's own would add their event loop, some 20 to 40 µs on each side, to every request:
 * more than the network between two pods takes.
 */
import { ERRNO, errnoError } from "../../src/kernel/libc/errno.ts";
import { type Library, openLibrary } from "../../src/kernel/libc/library.ts";
import { bindSocketCalls, SOCK_CLOEXEC, SOL_SOCKET, type SocketCalls } from "../../src/kernel/libc/socket.ts";
import { AF_INET, AF_INET6, encodeSocketAddress } from "../../src/kernel/libc/socket-address.ts";
import { type Ip, isIpv4 } from "../../src/net/index.ts";

const SOCK_STREAM = 1;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const SO_REUSEADDR = 2;
/** The kernel's time-outs of receiving and of accepting, and of sending and connecting; a struct timeval. */
const SO_RCVTIMEO = 20;
const SO_SNDTIMEO = 21;
/** asm-generic/socket.h and errno.h; not among Tweed's own, which never blocks like this. */
const EINPROGRESS = 115;
const MSG_NOSIGNAL = 0x4000;
const BACKLOG = 16;

export class TcpCalls {
  readonly #library: Library;
  readonly #sockets: SocketCalls;
  readonly #connect: (fd: number, address: Uint8Array, addressBytes: number) => number;
  readonly #listen: (fd: number, backlog: number) => number;
  readonly #accept: (fd: number, address: null, addressBytes: null, flags: number) => number;
  readonly #recv: (fd: number, bytes: Uint8Array, room: number, flags: number) => number;

  static async open(): Promise<TcpCalls> {
    return new TcpCalls(await openLibrary());
  }

  private constructor(library: Library) {
    this.#library = library;
    this.#sockets = bindSocketCalls(library);
    this.#connect = library.bind("int connect(int fd, const void *address, uint32_t length)");
    this.#listen = library.bind("int listen(int fd, int backlog)");
    this.#accept = library.bind("int accept4(int fd, void *address, void *length, int flags)");
    this.#recv = library.bind("int64_t recv(int fd, void *bytes, size_t room, int flags)");
  }

  /** @param timeoutMs how long a call on it may block. @throws TweedError with the errno's name */
  connect(ip: Ip, port: number, timeoutMs: number): number {
    const fd = this.#open(ip, timeoutMs);
    const address = encodeSocketAddress(ip, port);
    if (this.#connect(fd, address, address.length) === 0) return fd;
    const errno = this.#library.errno();
    this.close(fd);
    throw errnoError(
      `connect to ${ip} port ${port}`,
      errno,
      errno === EINPROGRESS ? "no answer in time" : "",
    );
  }

  listen(ip: Ip, port: number, timeoutMs: number): number {
    const fd = this.#open(ip, timeoutMs);
    this.#set(fd, SOL_SOCKET, SO_REUSEADDR, Int32Array.of(1));
    const address = encodeSocketAddress(ip, port);
    const isOpen = this.#sockets.bind(fd, address, address.length) === 0 && this.#listen(fd, BACKLOG) === 0;
    if (isOpen) return fd;
    const errno = this.#library.errno();
    this.close(fd);
    throw errnoError(`listen on ${ip} port ${port}`, errno);
  }

  /** @returns null without a connection within the time-out */
  accept(listener: number, timeoutMs: number): number | null {
    const fd = this.#accept(listener, null, null, SOCK_CLOEXEC);
    if (fd >= 0) {
      this.#setTimeout(fd, timeoutMs);
      this.#set(fd, IPPROTO_TCP, TCP_NODELAY, Int32Array.of(1));
      return fd;
    }
    return this.#nothingYet("accept a connection");
  }

  /** @returns bytes received, 0 at the peer's end, null when nothing came within the time-out */
  receive(fd: number, bytes: Uint8Array): number | null {
    const received = this.#recv(fd, bytes, bytes.length, 0);
    return received >= 0 ? Number(received) : this.#nothingYet("receive");
  }

  send(fd: number, bytes: Uint8Array, length: number): void {
    if (this.#sockets.send(fd, bytes, length, MSG_NOSIGNAL) === length) return;
    throw errnoError("send", this.#library.errno());
  }

  close(fd: number): void {
    this.#sockets.close(fd);
  }

  #open(ip: Ip, timeoutMs: number): number {
    const fd = this.#sockets.socket(isIpv4(ip) ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) throw errnoError("open a TCP socket", this.#library.errno());
    this.#setTimeout(fd, timeoutMs);
    this.#set(fd, IPPROTO_TCP, TCP_NODELAY, Int32Array.of(1));
    return fd;
  }

  #setTimeout(fd: number, timeoutMs: number): void {
    const timeval = BigInt64Array.of(BigInt(Math.floor(timeoutMs / 1000)), BigInt((timeoutMs % 1000) * 1000));
    this.#set(fd, SOL_SOCKET, SO_RCVTIMEO, timeval);
    this.#set(fd, SOL_SOCKET, SO_SNDTIMEO, timeval);
  }

  #set(fd: number, level: number, option: number, value: Int32Array | BigInt64Array): void {
    const bytes = new Uint8Array(value.buffer);
    if (this.#sockets.setsockopt(fd, level, option, bytes, bytes.length) === 0) return;
    throw errnoError(`set option ${option} of a TCP socket`, this.#library.errno());
  }

  #nothingYet(operation: string): null {
    const errno = this.#library.errno();
    if (errno === ERRNO.EAGAIN || errno === ERRNO.EINTR) return null;
    throw errnoError(operation, errno);
  }
}
