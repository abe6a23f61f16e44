/**
 * Traffic whose content is checked, as a program to run in a namespace. Each role prints one line of JSON when it is
 * done; servers print "listening" first, and serve one client.
 *
 *     node traffic.mjs tcp-sink PORT              hashes what arrives
 *     node traffic.mjs tcp-source IP PORT BYTES   sends bytes that do not repeat, and their hash
 *     node traffic.mjs tcp-drip IP PORT           says "connected", sends a numbered line each 10 ms until SIGTERM
 *     node traffic.mjs udp-echo PORT              until it is ended
 *     node traffic.mjs udp-ask IP PORT N BYTES…   sends N datagrams of each size, each after the answer to the last
 */
import { createHash } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const CHUNK_BYTES = 64 * 1024;
const DRIP_MS = 10;
/** A busy machine answers late, which is no loss. */
const ANSWER_TIMEOUT_MS = 10_000;

const say = (result) => console.log(JSON.stringify(result));

async function listening(server) {
  await once(server, "listening");
  console.log("listening");
}

const ROLES = {
  async "tcp-sink"(port) {
    const server = createServer().listen(Number(port), "::");
    await listening(server);
    const [connection] = await once(server, "connection");
    const hash = createHash("sha256");
    let bytes = 0;
    for await (const chunk of connection) {
      hash.update(chunk);
      bytes += chunk.length;
    }
    connection.end();
    server.close();
    say({ bytes, hash: hash.digest("hex") });
  },

  async "tcp-source"(ip, port, total) {
    const connection = connect(Number(port), ip);
    const hash = createHash("sha256");
    let left = Number(total);
    for (let number = 0; left > 0; number++) {
      const chunk = createHash("shake256", { outputLength: Math.min(left, CHUNK_BYTES) })
        .update(String(number))
        .digest();
      hash.update(chunk);
      left -= chunk.length;
      if (!connection.write(chunk)) await once(connection, "drain");
    }
    connection.end();
    await once(connection.resume(), "close");
    say({ bytes: Number(total), hash: hash.digest("hex") });
  },

  async "tcp-drip"(ip, port) {
    const connection = connect(Number(port), ip);
    const hash = createHash("sha256");
    let isEnding = false;
    process.once("SIGTERM", () => {
      isEnding = true;
    });
    await once(connection, "connect");
    console.log("connected");
    let bytes = 0;
    for (let number = 0; !isEnding; number++) {
      const line = `${number} ${"x".repeat(1000)}\n`;
      hash.update(line);
      bytes += line.length;
      connection.write(line);
      await sleep(DRIP_MS);
    }
    connection.end();
    await once(connection.resume(), "close");
    say({ bytes, hash: hash.digest("hex") });
  },

  async "udp-echo"(port) {
    const socket = createSocket({ type: "udp6", recvBufferSize: 1024 * 1024 });
    socket.on("message", (packet, from) => socket.send(packet, from.port, from.address));
    socket.bind(Number(port), "::");
    await listening(socket);
  },

  async "udp-ask"(ip, port, count, ...lengths) {
    const socket = createSocket(ip.includes(":") ? "udp6" : "udp4");
    const results = [];
    for (const length of lengths.map(Number)) {
      let answered = 0;
      for (let number = 0; number < Number(count); number++) {
        const packet = createHash("shake256", { outputLength: length }).update(String(number)).digest();
        socket.send(packet, Number(port), ip);
        const timeout = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
        const [answer] = await once(socket, "message", { signal: timeout }).catch(() => [Buffer.alloc(0)]);
        if (packet.equals(answer)) answered += 1;
      }
      results.push({ length, answered });
    }
    socket.close();
    say(results);
  },
};

const [role, ...args] = process.argv.slice(2);
await ROLES[role](...args);
