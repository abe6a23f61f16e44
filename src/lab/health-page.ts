/** Requests to a daemon's health listener, by a socket of this process in the daemon's namespace. */
import { request } from "node:http";
import { Socket } from "node:net";
import { ERRNO, errnoError } from "../kernel/libc/errno.ts";
import { type Libc, openLibc } from "../kernel/libc/libc.ts";
import { NetworkNamespaces } from "../kernel/libc/network-namespace.ts";
import { SO_SNDTIMEO, SOCK_CLOEXEC, SOCK_STREAM, SOL_SOCKET } from "../kernel/libc/socket.ts";
import { AF_INET, encodeSocketAddress } from "../kernel/libc/socket-address.ts";
import { parseIpv4 } from "../net/index.ts";

const LOOPBACK = parseIpv4("127.0.0.1");
/** Seconds. On loopback the kernel answers at once, unless the listener's queue is full. */
const CONNECT_S = 1n;
const ANSWER_TIMEOUT_MS = 10_000;

export interface HealthPage {
  /** 0 without an answer. */
  readonly status: number;
  readonly body: string;
}

/** Requests `http://127.0.0.1:<port><path>` in the namespace. @throws ENOENT without such a namespace */
export async function readHealthPage(
  namespace: string,
  port: number,
  path: string,
  method = "GET",
): Promise<HealthPage> {
  const libc = await openLibc();
  const namespaces = await NetworkNamespaces.open();
  const fd = namespaces.within(namespace, () => connectLoopback(libc, port));
  return fd === null ? NO_ANSWER : ask(new Socket({ fd, readable: true, writable: true }), path, method);
}

const NO_ANSWER: HealthPage = { status: 0, body: "" };

function connectLoopback({ sockets, errno }: Libc, port: number): number | null {
  const fd = sockets.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw errnoError("open TCP socket", errno());
  const limit = new Uint8Array(new BigInt64Array([CONNECT_S, 0n]).buffer);
  sockets.setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, limit, limit.length);
  const address = encodeSocketAddress(LOOPBACK, port);
  if (sockets.connect(fd, address, address.length) === 0) return fd;
  const failure = errno();
  sockets.close(fd);
  if (REFUSED.has(failure)) return null;
  throw errnoError(`connect to port ${port} on loopback`, failure);
}

/** No listener, or its queue stayed full until the timeout (connect(2)). */
const REFUSED: ReadonlySet<number> = new Set([
  ERRNO.ECONNREFUSED,
  ERRNO.EAGAIN,
  ERRNO.EINPROGRESS,
  ERRNO.EINTR,
]);

function ask(socket: Socket, path: string, method: string): Promise<HealthPage> {
  return new Promise((resolve) => {
    const sent = request(
      { path, method, headers: { host: "127.0.0.1", connection: "close" }, createConnection: () => socket },
      (response) => {
        response.setEncoding("utf8");
        let body = "";
        response.on("data", (chunk: string) => {
          body += chunk;
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
        response.on("error", () => resolve(NO_ANSWER));
      },
    );
    sent.setTimeout(ANSWER_TIMEOUT_MS, () => sent.destroy(new Error(`no answer in ${ANSWER_TIMEOUT_MS} ms`)));
    sent.on("error", () => resolve(NO_ANSWER));
    sent.end();
  });
}
