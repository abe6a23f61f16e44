/** Raw ICMP sockets for probes. npm `raw-socket` is built at install and may be missing. */
import { ERRNO, errnoError } from "../kernel/libc/errno.ts";
import type { Family, Ip } from "../net/index.ts";
import { messageOf } from "../runtime/error.ts";
import { openLibcIcmpSocket } from "./libc-icmp-socket.ts";

export interface IcmpSocket {
  send(message: Buffer, target: Ip): void;
  close(): void;
}

/** The part of npm `raw-socket` that is used; the package has no types of its own. */
interface RawSocketModule {
  readonly AddressFamily: { readonly IPv4: number; readonly IPv6: number };
  readonly Protocol: { readonly ICMP: number; readonly ICMPv6: number };
  createSocket(options: { addressFamily: number; protocol: number; bufferSize: number }): RawSocket;
}
interface RawSocket {
  on(event: "message", listener: (packet: Buffer, source: string) => void): void;
  on(event: "error", listener: (error: Error) => void): void;
  send(
    message: Buffer,
    offset: number,
    length: number,
    target: string,
    done: (error: Error | null) => void,
  ): void;
  close(): void;
}

/**
 * Through `raw-socket` where it was built at install, else through the C library.
 * @throws TweedError `EPERM` without CAP_NET_RAW
 */
export async function openIcmpSocket(
  family: Family,
  onPacket: (packet: Buffer) => void,
): Promise<IcmpSocket> {
  const module = await loadRawSocket();
  if (module === null) return openLibcIcmpSocket(family, onPacket);
  const socket = createSocket(module, family);
  socket.on("message", (packet) => onPacket(packet));
  // Errors of single sends (no route, say) show as losses, which a probe counts.
  socket.on("error", () => {});
  return {
    send: (message, target) => socket.send(message, 0, message.length, target, () => {}),
    close: () => socket.close(),
  };
}

function createSocket(module: RawSocketModule, family: Family): RawSocket {
  try {
    return module.createSocket({
      addressFamily: family === "v4" ? module.AddressFamily.IPv4 : module.AddressFamily.IPv6,
      protocol: family === "v4" ? module.Protocol.ICMP : module.Protocol.ICMPv6,
      bufferSize: 4096,
    });
  } catch (cause) {
    // The package's errors have strerror's text, but no number.
    if (messageOf(cause) !== "Operation not permitted") throw cause;
    throw errnoError("open ICMP socket", ERRNO.EPERM, "", "CAP_NET_RAW");
  }
}

/** null where it was installed without a compiler. */
async function loadRawSocket(): Promise<RawSocketModule | null> {
  try {
    // @ts-expect-error the package has no types
    const loaded = await import("raw-socket");
    return loaded.default;
  } catch {
    return null;
  }
}
