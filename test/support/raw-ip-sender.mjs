/**
 * Sends IPv4 packets of any protocol: `{ from, to, protocol, hex, count }` as JSON on each line of its input, each answered
 * when it is sent.
 */
import { createInterface } from "node:readline";
import koffi from "koffi";

const AF_INET = 2;
const SOCK_RAW = 3;
const libc = koffi.load("libc.so.6");
const socket = libc.func("int socket(int domain, int type, int protocol)");
const bind = libc.func("int bind(int fd, const void *address, uint32_t bytes)");
const sendto = libc.func(
  "int64_t sendto(int fd, const void *data, size_t bytes, int flags, const void *address, uint32_t addressBytes)",
);
const close = libc.func("int close(int fd)");

/** struct sockaddr_in without a port */
function addressOf(ip) {
  const address = Buffer.alloc(16);
  address.writeUInt16LE(AF_INET, 0);
  address.set(ip.split(".").map(Number), 4);
  return address;
}

function checked(result, call) {
  if (result < 0) throw new Error(`${call}: errno ${koffi.errno()}`);
  return result;
}

for await (const line of createInterface({ input: process.stdin })) {
  const { from, to, protocol, hex, count } = JSON.parse(line);
  const payload = Buffer.from(hex, "hex");
  const fd = checked(socket(AF_INET, SOCK_RAW, protocol), "socket");
  checked(bind(fd, addressOf(from), 16), "bind");
  for (let sent = 0; sent < count; sent++)
    checked(sendto(fd, payload, payload.length, 0, addressOf(to), 16), "sendto");
  close(fd);
  console.log("sent");
}
