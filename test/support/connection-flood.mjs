/**
 * `connection-flood.mjs ADDRESS PORT COUNT idle|pipeline PATH` holds that many TCP connections and reads nothing of what
 * comes on them. "idle" sends nothing; "pipeline" asks for PATH a hundred times a second without waiting for answers, and
 * connects anew where it was cut off. Says how often it has connected, at each multiple of COUNT.
 */
import { connect } from "node:net";

const [address, port, count, manner, path] = process.argv.slice(2);
const EVERY_MS = 100;
const requests = `GET ${path} HTTP/1.1\r\nHost: flood\r\n\r\n`.repeat(10);

let connected = 0;

function open() {
  const socket = connect(Number(port), address);
  socket.pause();
  socket.on("error", () => {});
  socket.on("connect", () => {
    connected += 1;
    if (connected % Number(count) === 0) console.log(connected);
  });
  if (manner !== "pipeline") return;
  // Who reads nothing finds out that it was cut off by sending more.
  const ask = () => socket.writableNeedDrain || socket.write(requests);
  ask();
  const asking = setInterval(ask, EVERY_MS);
  socket.on("close", () => {
    clearInterval(asking);
    setTimeout(open, EVERY_MS);
  });
}

for (let number = 0; number < Number(count); number++) open();
// Without connections it would end.
setInterval(() => {}, 60_000);
