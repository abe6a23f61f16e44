/** Sends datagrams: `[{ from, to, port, hex, count }]` as JSON. */
import { createSocket } from "node:dgram";
import { promisify } from "node:util";

for (const { from, to, port, hex, count } of JSON.parse(process.argv[2] ?? "[]")) {
  const socket = createSocket(from.includes(":") ? "udp6" : "udp4");
  await new Promise((resolve, reject) => {
    socket.on("error", reject);
    socket.bind(0, from, resolve);
  });
  const send = promisify(socket.send.bind(socket));
  for (let sent = 0; sent < count; sent++) await send(Buffer.from(hex, "hex"), port, to);
  socket.close();
}
