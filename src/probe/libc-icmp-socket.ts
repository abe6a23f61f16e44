/** Raw ICMP sockets through the C library, where npm `raw-socket` was not built. */
import { openLibc } from "../kernel/libc/libc.ts";
import type { Family } from "../net/index.ts";
import { IcmpDescriptor } from "./icmp-descriptor.ts";
import type { IcmpSocket } from "./icmp-socket.ts";

/** @throws TweedError `EPERM` without CAP_NET_RAW */
export async function openLibcIcmpSocket(
  family: Family,
  onPacket: (packet: Buffer) => void,
): Promise<IcmpSocket> {
  const libc = await openLibc();
  const descriptor = new IcmpDescriptor(libc, family);
  const waiter = libc.polling.readWaiter(descriptor.fd);
  let isClosed = false;

  const listen = async () => {
    while (!isClosed) {
      await waiter.wait();
      if (!isClosed) descriptor.drain(onPacket);
    }
    waiter.close();
    descriptor.close();
  };
  const listening = listen();
  // When it fails, no reply arrives and every ping counts as lost, as the prober would report in any case.
  listening.catch(() => {});
  return {
    send: (message, target) => descriptor.send(message, target),
    close() {
      isClosed = true;
      waiter.cancel();
    },
  };
}
