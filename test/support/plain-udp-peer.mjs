/**
 * flannel's udp proxy at its plainest, to test against: a TUN device without offloads, a datagram socket, and one bare
 * IPv4 packet to a datagram; device, address and route are made as flanneld makes them. Nothing of ours is used but the binding of the C library.
 *
 *     node plain-udp-peer.mjs LOCAL_IP OWN_IP NETWORK [SUBNET=PEER_IP ...]
 *
 * OWN_IP is this peer's address in the overlay; SUBNET is three octets: 10.244.7=198.18.1.2
 */
import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { openSync, read, writeSync } from "node:fs";
import koffi from "koffi";

const PORT = 8285;
const MTU = 1472;
const TUNSETIFF = 0x400454ca;
const IFF_TUN_NO_PI = 0x1001;

const [localIp, ownIp, network, ...peers] = process.argv.slice(2);
const remotes = new Map(peers.map((peer) => peer.split("=")));

/** As flanneld opens it: the first name that is free. */
function openTun() {
  const fd = openSync("/dev/net/tun", "r+");
  const request = Buffer.alloc(40);
  request.write("flannel%d", "latin1");
  request.writeUInt16LE(IFF_TUN_NO_PI, 16);
  const ioctl = koffi.load(null).func("int ioctl(int fd, unsigned long request, void *argument)");
  if (ioctl(fd, TUNSETIFF, request) < 0) throw new Error(`TUNSETIFF: errno ${koffi.errno()}`);
  return { fd, name: request.toString("latin1", 0, request.indexOf(0)) };
}

const { fd: tun, name } = openTun();
for (const line of [
  `address add ${ownIp}/32 dev ${name}`,
  `link set ${name} mtu ${MTU} up`,
  `route add ${network} dev ${name} src ${ownIp}`,
]) {
  try {
    execFileSync("ip", line.split(" "), { stdio: "pipe" });
  } catch (error) {
    // flanneld takes a route that is there for its own.
    if (!String(error.stderr).includes("File exists")) throw error;
  }
}

const socket = createSocket({ type: "udp4", recvBufferSize: 8 * 1024 * 1024 });
socket.on("message", (packet) => {
  try {
    writeSync(tun, packet);
  } catch (error) {
    console.error(`dropped ${packet.length} bytes: ${error.message}`);
  }
});

function readNext() {
  const packet = Buffer.alloc(MTU);
  read(tun, packet, 0, MTU, null, (error, length) => {
    if (error !== null) throw error;
    const destination = [...packet.subarray(16, 19)].join(".");
    const remote = remotes.get(destination);
    const isIpv4 = packet[0] >> 4 === 4;
    if (isIpv4 && remote !== undefined) socket.send(packet.subarray(0, length), PORT, remote);
    readNext();
  });
}

socket.bind(PORT, localIp, () => {
  console.log(`forwarding by ${name}`);
  readNext();
});
