/**
 * Tells who a datagram seems to come from. `serve` answers every datagram with its source address; `ask`, with
 * questions as JSON, prints the answers as JSON, null where none came; `scatter` sends from many sockets.
 */
import { createSocket } from "node:dgram";

const PORTS = [7000, 7001];
const GROUPS = { udp4: "239.1.2.3", udp6: "ff15::1:2:3" };
const [mode, text = "{}"] = process.argv.slice(2);
const options = JSON.parse(text);

if (mode === "serve") {
  let pending = 0;
  for (const port of PORTS) {
    for (const type of ["udp4", "udp6"]) {
      const socket = createSocket({ type, ipv6Only: true, reuseAddr: true });
      socket.on("message", (_bytes, from) => socket.send(from.address, from.port, from.address));
      pending += 1;
      socket.bind(port, () => {
        for (const membership of options[type] ?? []) socket.addMembership(GROUPS[type], membership);
        pending -= 1;
        if (pending === 0) console.log("ready");
      });
    }
  }
} else if (mode === "ask") {
  console.log(JSON.stringify(await Promise.all(options.map(ask))));
} else if (mode === "scatter") {
  for (let count = 0; count < options.count; count++) {
    const socket = createSocket("udp4");
    socket.on("error", () => {});
    socket.send("x", 7000, options.to, () => socket.close());
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

function ask({ from, to, port, via }) {
  return new Promise((resolve) => {
    const socket = createSocket(from.includes(":") ? "udp6" : "udp4");
    const finish = (answer) => {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => finish(null), 1500);
    socket.on("error", (error) => finish(String(error)));
    socket.on("message", (bytes) => finish(String(bytes)));
    socket.bind(0, from, () => {
      if (via) socket.setMulticastInterface(via);
      socket.send("who am I?", port ?? 7000, to);
    });
  });
}
