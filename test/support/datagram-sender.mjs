/**
 * Sends datagrams: `[{ from, to, port, hex, count }]` as JSON. Without an argument it takes one such list from each line
 * of its input, and says of each when it is sent.
 */
import { createSocket } from "node:dgram";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const [list] = process.argv.slice(2);
if (list !== undefined) {
  await sendAll(JSON.parse(list));
} else {
  for await (const line of createInterface({ input: process.stdin })) {
    await sendAll(JSON.parse(line));
    console.log("sent");
  }
}

async function sendAll(datagrams) {
  for (const { from, to, port, hex, count } of datagrams) {
    const socket = createSocket(from.includes(":") ? "udp6" : "udp4");
    await new Promise((resolve, reject) => {
      socket.on("error", reject);
      socket.bind(0, from, resolve);
    });
    const send = promisify(socket.send.bind(socket));
    for (let sent = 0; sent < count; sent++) await send(Buffer.from(hex, "hex"), port, to);
    socket.close();
  }
}
