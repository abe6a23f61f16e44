/**
 * Sends datagrams that each hold an empty UDP packet of any source, checksums right.
 *
 *     node forge.mjs LOCAL_IP LOCAL_PORT REMOTE_IP INNER_SOURCE INNER_DESTINATION COUNT
 */
import { createSocket } from "node:dgram";
import { setTimeout as sleep } from "node:timers/promises";

const [localIp, localPort, remoteIp, source, destination, count] = process.argv.slice(2);

/** IPv4 header and UDP header; a UDP checksum of 0 says that there is none (RFC 768). */
function forge() {
  const packet = Buffer.alloc(28);
  packet.set([0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17]);
  packet.set(source.split(".").map(Number), 12);
  packet.set(destination.split(".").map(Number), 16);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += packet.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  packet.writeUInt16BE(~sum & 0xffff, 10);
  packet.writeUInt16BE(9, 20);
  packet.writeUInt16BE(9, 22);
  packet.writeUInt16BE(8, 24);
  return packet;
}

const socket = createSocket("udp4");
socket.bind(Number(localPort), localIp, async () => {
  const packet = forge();
  for (let sent = 0; sent < Number(count); sent++) {
    socket.send(packet, 8285, remoteIp);
    if (sent % 50 === 49) await sleep(1);
  }
  await sleep(20);
  socket.close();
});
