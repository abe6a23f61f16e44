/** A raw ICMP socket of the C library, which never blocks. */
import { errnoError } from "../kernel/libc/errno.ts";
import type { Libc } from "../kernel/libc/libc.ts";
import {
  MSG_DONTWAIT,
  SO_RCVBUFFORCE,
  SO_SNDBUFFORCE,
  SOCK_CLOEXEC,
  SOCK_RAW,
  SOL_SOCKET,
} from "../kernel/libc/socket.ts";
import { AF_INET, AF_INET6, encodeSocketAddress } from "../kernel/libc/socket-address.ts";
import type { Family, Ip } from "../net/index.ts";

const IPPROTO_ICMP = 1;
const IPPROTO_ICMPV6 = 58;
const PACKET_BYTES = 65_536;
/**
 * Enough for a fast prober that does not run for several seconds, and for the burst that it sends then: an overflow
 * would count as a loss.
 */
const BUFFER_BYTES = 8 * 1024 * 1024;
/** struct sockaddr_in6, the larger of the two. */
const ADDRESS_BYTES = 28;

export class IcmpDescriptor {
  readonly fd: number;
  readonly #libc: Libc;
  readonly #room = Buffer.alloc(PACKET_BYTES);
  readonly #sender = new Uint8Array(ADDRESS_BYTES);

  /** Opens it in the network namespace of the calling thread. @throws TweedError `EPERM` without CAP_NET_RAW */
  constructor(libc: Libc, family: Family) {
    this.#libc = libc;
    const [domain, protocol] = family === "v4" ? [AF_INET, IPPROTO_ICMP] : [AF_INET6, IPPROTO_ICMPV6];
    this.fd = libc.sockets.socket(domain, SOCK_RAW | SOCK_CLOEXEC, protocol);
    if (this.fd < 0) throw errnoError("open ICMP socket", libc.errno(), "", "CAP_NET_RAW");
    // Without CAP_NET_ADMIN the kernel's default size stays.
    const size = new Uint8Array(Int32Array.of(BUFFER_BYTES).buffer);
    for (const option of [SO_RCVBUFFORCE, SO_SNDBUFFORCE])
      libc.sockets.setsockopt(this.fd, SOL_SOCKET, option, size, size.length);
  }

  /** Errors of single sends (no route, say) show as losses, which is what a probe counts. */
  send(message: Buffer, target: Ip): void {
    const address = encodeSocketAddress(target, 0);
    this.#libc.sockets.sendto(this.fd, message, message.length, MSG_DONTWAIT, address, address.length);
  }

  /** Passes on every packet that has arrived. The buffer is valid only during the call. */
  drain(onPacket: (packet: Buffer) => void): void {
    for (;;) {
      const addressBytes = Uint32Array.of(ADDRESS_BYTES);
      const length = this.#libc.sockets.recvfrom(
        this.fd,
        this.#room,
        PACKET_BYTES,
        MSG_DONTWAIT,
        this.#sender,
        addressBytes,
      );
      if (length < 0) return;
      onPacket(this.#room.subarray(0, length));
    }
  }

  close(): void {
    this.#libc.sockets.close(this.fd);
  }
}
