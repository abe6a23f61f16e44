/** Datagrams to unix sockets, which Node's dgram does not support. */
import { TweedError } from "../../runtime/error.ts";
import { errnoError } from "./errno.ts";
import { openLibrary } from "./library.ts";
import { bindSocketCalls, MSG_DONTWAIT, SOCK_CLOEXEC } from "./socket.ts";

/**
 * Sends one datagram without waiting: a receiver whose queue is full is an error (`EAGAIN`, retryable).
 * @param path path of the socket, or "@" and an abstract name (unix(7))
 * @throws TweedError with the errno's name as its code, `invalid-socket-path`
 */
export type SendUnixDatagram = (path: string, bytes: Uint8Array) => void;

export const AF_UNIX = 1;
export const SOCK_DGRAM = 2;
/** Size of sun_path (linux/un.h). */
const SUN_PATH_BYTES = 108;

export async function openUnixDatagrams(): Promise<SendUnixDatagram> {
  const library = await openLibrary();
  const calls = bindSocketCalls(library);
  return (path, bytes) => {
    const address = encodeUnixAddress(path);
    const fd = calls.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) throw errnoError("open unix socket", library.errno());
    try {
      const sent = calls.sendto(fd, bytes, bytes.length, MSG_DONTWAIT, address, address.length);
      if (sent < 0) throw errnoError(`send to unix socket ${path}`, library.errno());
    } finally {
      calls.close(fd);
    }
  };
}

/** A sockaddr_un: the family in host order, then the path and a zero, or a zero and the abstract name. */
export function encodeUnixAddress(path: string): Uint8Array {
  const isAbstract = path.startsWith("@");
  const name = new TextEncoder().encode(isAbstract ? `\0${path.slice(1)}` : `${path}\0`);
  const isPath = path.startsWith("/") || (isAbstract && path.length > 1);
  if (!isPath || name.length > SUN_PATH_BYTES) {
    throw new TweedError({
      code: "invalid-socket-path",
      operation: `address unix socket ${path}`,
      reason: `expected an absolute path or @name of at most ${SUN_PATH_BYTES - 1} bytes`,
    });
  }
  const address = new Uint8Array(2 + name.length);
  new Uint16Array(address.buffer, 0, 1)[0] = AF_UNIX;
  address.set(name, 2);
  return address;
}
