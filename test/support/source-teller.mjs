/**
 * Tells who a datagram seems to come from. `serve` answers every datagram with its source address; `ask`, with
 * questions as JSON, prints the answers as JSON, null where none came, and `serve` does so for each line of its input;
 * `scatter` sends from ever new sockets until it is interrupted.
 */
import { createSocket } from "node:dgram";
import { createInterface } from "node:readline";

const PORTS = [7000, 7001];
/** How long an answer is waited for, as in eventually.ts. */
const DEADLINE_MS = 60_000;
const [mode, text = "{}"] = process.argv.slice(2);
const options = JSON.parse(text);

if (mode === "serve") {
  // Bound to each address: an answer comes from the address that was asked.
  const sockets = options.addresses.flatMap((address) => PORTS.map((port) => listen(address, port)));
  if (options.group) sockets.push(listen(options.group, PORTS[0], options.addresses[0]));
  await Promise.all(sockets);
  console.log("ready");
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await Promise.all(JSON.parse(line).map(ask))));
  }
} else if (mode === "ask") {
  console.log(JSON.stringify(await Promise.all(options.map(ask))));
} else if (mode === "scatter") {
  for (let count = 0; ; count++) {
    const to = options.to[count % options.to.length];
    const socket = createSocket(to.includes(":") ? "udp6" : "udp4");
    socket.on("error", () => {});
    socket.send("x", 7000, to, () => socket.close());
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** @param iface for a group: the address of the interface on which it is joined, and which answers for it */
function listen(address, port, iface) {
  const type = address.includes(":") ? "udp6" : "udp4";
  const socket = createSocket({ type, reuseAddr: true });
  const answering = iface ? createSocket(type).bind(0, iface) : socket;
  socket.on("message", (_bytes, from) => answering.send(from.address, from.port, from.address));
  return new Promise((resolve, reject) => {
    socket.on("error", reject);
    socket.bind(port, address, () => {
      if (iface) socket.addMembership(address, iface);
      resolve(socket);
    });
  });
}

function ask({ from, to, port, via }) {
  return new Promise((resolve) => {
    const socket = createSocket(from.includes(":") ? "udp6" : "udp4");
    const finish = (answer) => {
      clearTimeout(timer);
      clearInterval(repeat);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => finish(null), DEADLINE_MS);
    // The first may be lost while a cable's IPv6 addresses are still being checked for duplicates.
    const repeat = setInterval(() => socket.send("who am I?", port ?? 7000, to), 300);
    socket.on("error", (error) => finish(String(error)));
    socket.on("message", (bytes) => finish(String(bytes)));
    socket.bind(0, from, () => {
      if (via) socket.setMulticastInterface(via);
      socket.send("who am I?", port ?? 7000, to);
    });
  });
}
