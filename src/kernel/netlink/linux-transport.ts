import { ERRNO, errnoError } from "../libc/errno.ts";
import type { Libc } from "../libc/libc.ts";
import type { ReadWaiter } from "../libc/poll.ts";
import {
  AF_NETLINK,
  MSG_DONTWAIT,
  MSG_TRUNC,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SOCK_CLOEXEC,
  SOCK_RAW,
  SOL_SOCKET,
} from "../libc/socket.ts";
import type { EventTransport, Received, RequestTransport } from "./transport.ts";

/** Netlink families (linux/netlink.h): each is a protocol of its own with the same framing. */
export const NETLINK = { route: 0, netfilter: 12 } as const;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;

/** struct sockaddr_nl: u16 family, u16 pad, u32 port id, u32 groups. */
const SOCKADDR_NL_BYTES = 12;
/** Twice the kernel's largest datagram of a dump (32 KiB); single messages of large devices may exceed it. */
const FIRST_BUFFER_BYTES = 64 * 1024;

export interface TransportOptions {
  /** One of {@link NETLINK}; rtnetlink by default. */
  readonly protocol?: number;
  /** Bit n - 1 is group n (RTNLGRP_*). */
  readonly groups: number;
  /** Limit of the kernel's queue for this socket; a small message counts about 1 KiB. */
  readonly receiveBufferBytes: number;
}

/** A netlink socket, in the network namespace of the thread that opens it. */
export class LinuxTransport implements RequestTransport, EventTransport {
  readonly #libc: Libc;
  /** -1 once closed, so that a late call fails with EBADF and cannot use another file of the same number. */
  #fd: number;
  readonly #sender = new Uint8Array(SOCKADDR_NL_BYTES);
  readonly #senderView = new DataView(this.#sender.buffer);
  readonly #senderBytes = new Uint32Array(1);
  #buffer = new Uint8Array(FIRST_BUFFER_BYTES);
  #waiter: ReadWaiter | null = null;

  private constructor(libc: Libc, fd: number) {
    this.#libc = libc;
    this.#fd = fd;
  }

  /** @throws TweedError with the errno's name for a code */
  static open(libc: Libc, options: TransportOptions): LinuxTransport {
    const fd = libc.sockets.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, options.protocol ?? NETLINK.route);
    if (fd < 0) throw errnoError("open netlink socket", libc.errno());
    const transport = new LinuxTransport(libc, fd);
    try {
      transport.#configure(options);
    } catch (error) {
      transport.close();
      throw error;
    }
    return transport;
  }

  #configure({ groups, receiveBufferBytes }: TransportOptions): void {
    // Optional: kernels without them send terse errors and unfiltered dumps.
    this.#setOption(SOL_NETLINK, NETLINK_EXT_ACK, 1);
    this.#setOption(SOL_NETLINK, NETLINK_CAP_ACK, 1);
    this.#setOption(SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
    if (!this.#setOption(SOL_SOCKET, SO_RCVBUFFORCE, receiveBufferBytes)) {
      this.#setOption(SOL_SOCKET, SO_RCVBUF, receiveBufferBytes);
    }
    const address = new Uint8Array(SOCKADDR_NL_BYTES);
    const view = new DataView(address.buffer);
    view.setUint16(0, AF_NETLINK, true);
    view.setUint32(8, groups, true);
    if (this.#libc.sockets.bind(this.#fd, address, address.length) < 0) {
      throw errnoError("bind netlink socket", this.#libc.errno());
    }
  }

  /** False where the kernel does not have or does not grant the option. */
  #setOption(level: number, option: number, value: number): boolean {
    const bytes = new Uint8Array(Int32Array.of(value).buffer);
    return this.#libc.sockets.setsockopt(this.#fd, level, option, bytes, bytes.length) === 0;
  }

  send(datagram: Uint8Array): void {
    const sent = this.#libc.sockets.send(this.#fd, datagram, datagram.length, 0);
    if (sent < 0) throw errnoError("send netlink request", this.#libc.errno());
  }

  receive(): Received {
    for (;;) {
      this.#senderBytes[0] = SOCKADDR_NL_BYTES;
      const length = this.#libc.sockets.recvfrom(
        this.#fd,
        this.#buffer,
        this.#buffer.length,
        MSG_DONTWAIT | MSG_TRUNC,
        this.#sender,
        this.#senderBytes,
      );
      if (length < 0) {
        const errno = this.#libc.errno();
        if (errno === ERRNO.EAGAIN) return { kind: "empty" };
        if (errno === ERRNO.ENOBUFS) return { kind: "overrun" };
        if (errno !== ERRNO.EINTR) throw errnoError("receive from netlink", errno);
      } else if (this.#senderView.getUint32(4, true) === 0) {
        // Port 0 is the kernel; datagrams of other processes are dropped.
        return this.#received(length);
      }
    }
  }

  #received(length: number): Received {
    if (length <= this.#buffer.length) {
      return { kind: "datagram", bytes: this.#buffer.subarray(0, length) };
    }
    this.#buffer = new Uint8Array(2 ** Math.ceil(Math.log2(length)));
    return { kind: "truncated" };
  }

  async readable(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#waiter ??= this.#libc.polling.readWaiter(this.#fd);
    const { cancel } = this.#waiter;
    signal.addEventListener("abort", cancel, { once: true });
    try {
      await this.#waiter.wait();
    } finally {
      signal.removeEventListener("abort", cancel);
    }
    signal.throwIfAborted();
  }

  close(): void {
    if (this.#fd < 0) return;
    this.#waiter?.close();
    this.#libc.sockets.close(this.#fd);
    this.#fd = -1;
  }
}
