/** Raw ICMP sockets through the C library, where npm `raw-socket` was not built. */

import { errnoError } from "../kernel/libc/errno.ts";
import { openLibc } from "../kernel/libc/libc.ts";
import { MSG_DONTWAIT, SOCK_CLOEXEC, SOCK_RAW } from "../kernel/libc/socket.ts";
import { AF_INET, AF_INET6, encodeSocketAddress } from "../kernel/libc/socket-address.ts";
import type { Family } from "../net/index.ts";
import type { IcmpSocket } from "./icmp-socket.ts";

const IPPROTO_ICMP = 1;
const IPPROTO_ICMPV6 = 58;
const PACKET_BYTES = 65_536;

/** @throws TweedError `EPERM` without CAP_NET_RAW */
export async function openLibcIcmpSocket(
  family: Family,
  onPacket: (packet: Buffer) => void,
): Promise<IcmpSocket> {
  const { sockets, polling, errno } = await openLibc();
  const [domain, protocol] = family === "v4" ? [AF_INET, IPPROTO_ICMP] : [AF_INET6, IPPROTO_ICMPV6];
  const fd = sockets.socket(domain, SOCK_RAW | SOCK_CLOEXEC, protocol);
  if (fd < 0) throw errnoError("open ICMP socket", errno());
  const waiter = polling.readWaiter(fd);
  const room = Buffer.alloc(PACKET_BYTES);
  const sender = new Uint8Array(28);
  let isClosed = false;

  const receive = () => {
    for (;;) {
      const length = sockets.recvfrom(
        fd,
        room,
        room.length,
        MSG_DONTWAIT,
        sender,
        Uint32Array.of(sender.length),
      );
      if (length < 0) return;
      onPacket(room.subarray(0, length));
    }
  };
  const listen = async () => {
    while (!isClosed) {
      await waiter.wait();
      if (!isClosed) receive();
    }
    waiter.close();
    sockets.close(fd);
  };
  const listening = listen();
  // Without its waiting the prober hears nothing, and every ping counts as lost: that is all it could say.
  listening.catch(() => {});
  return {
    send(message, target) {
      const address = encodeSocketAddress(target, 0);
      // Errors of single sends (no route, say) show as losses, which is what a probe is there to count.
      sockets.sendto(fd, message, message.length, MSG_DONTWAIT, address, address.length);
    },
    close() {
      isClosed = true;
      waiter.cancel();
    },
  };
}
