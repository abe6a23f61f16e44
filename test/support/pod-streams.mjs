/**
 * A pod's side of steady TCP traffic, as a program to run in its namespace: it echoes what others send, and sends
 * numbered lines to each peer over one connection that lasts as long as the program.
 *
 *     node pod-streams.mjs PORT LINE-MS LINE-BYTES PEER...
 *
 * It prints "connected" once every peer is. SIGUSR2 makes it print one line of JSON about the time since the last
 * such line; SIGHUP makes it open broken connections again; SIGTERM makes it end its connections, check that all came back as it was sent, print a last one and exit.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const RETRY_MS = 50;
/** TCP's repetitions may take long; whoever waits for the last report waits a minute. */
const LAST_ECHO_MS = 50_000;
/** More than this on the way, and sending waits: the window of a stream that stands still stays small. */
const MAX_OUTSTANDING_BYTES = 4 * 1024 * 1024;

const [port, lineMs, lineBytes, ...peers] = process.argv.slice(2);
const filling = "x".repeat(Math.max(0, Number(lineBytes) - 12));

class Stream {
  constructor(peer) {
    this.peer = peer;
    this.connection = null;
    this.fault = null;
    this.sent = { hash: createHash("sha256"), bytes: 0 };
    this.echoed = { hash: createHash("sha256"), bytes: 0 };
    this.heardAtMs = 0;
    this.silenceMs = 0;
  }

  async open() {
    for (;;) {
      const connection = connect(Number(port), this.peer);
      const failed = once(connection, "error").then(() => true);
      if (await Promise.race([failed, once(connection, "connect").then(() => false)])) {
        await sleep(RETRY_MS);
        continue;
      }
      connection.on("error", (error) => {
        this.fault ??= error.code;
      });
      connection.on("close", () => {
        if (this.echoed.bytes < this.sent.bytes) this.fault ??= "closed";
      });
      connection.on("data", (chunk) => this.hear(chunk));
      connection.setNoDelay(true);
      this.connection = connection;
      return;
    }
  }

  hear(chunk) {
    this.noteSilence();
    this.heardAtMs = performance.now();
    this.echoed.hash.update(chunk);
    this.echoed.bytes += chunk.length;
  }

  /** How long an answer has been due; nothing is while nothing was sent. */
  noteSilence() {
    if (this.sent.bytes === this.echoed.bytes) return;
    this.silenceMs = Math.max(this.silenceMs, performance.now() - this.heardAtMs);
  }

  send(number) {
    if (
      this.connection === null ||
      this.fault !== null ||
      this.sent.bytes - this.echoed.bytes > MAX_OUTSTANDING_BYTES
    )
      return;
    if (this.sent.bytes === this.echoed.bytes) this.heardAtMs = performance.now();
    const line = `${String(number).padStart(10)} ${filling}\n`;
    this.sent.hash.update(line);
    this.sent.bytes += line.length;
    this.connection.write(line);
  }

  async end() {
    if (this.connection === null) return;
    this.connection.end();
    const closed = new Promise((resolve) => this.connection.once("close", resolve));
    if (!this.connection.closed) await Promise.race([closed, sleep(LAST_ECHO_MS)]);
    if (this.sent.hash.digest("hex") !== this.echoed.hash.digest("hex")) this.fault ??= "not what was sent";
  }

  report() {
    this.noteSilence();
    const { peer, fault, silenceMs } = this;
    this.silenceMs = 0;
    return { peer, fault, silenceMs: Math.round(silenceMs), bytes: this.echoed.bytes };
  }
}

const server = createServer((connection) => {
  connection.setNoDelay(true);
  // The other end tells of what goes wrong.
  connection.on("error", () => connection.destroy());
  connection.pipe(connection);
});
server.listen(Number(port), "::");

const streams = peers.map((peer) => new Stream(peer));
await Promise.all(streams.map((stream) => stream.open()));
let latenessMs = 0;
const report = () => {
  console.log(
    JSON.stringify({ latenessMs: Math.round(latenessMs), streams: streams.map((each) => each.report()) }),
  );
  latenessMs = 0;
};
process.on("SIGUSR2", report);
process.on("SIGHUP", () => {
  for (const [index, { fault, peer }] of streams.entries()) {
    if (fault === null) continue;
    streams[index] = new Stream(peer);
    streams[index].open();
  }
});
let isEnding = false;
process.on("SIGTERM", () => {
  isEnding = true;
});

console.log("connected");
const startMs = performance.now();
for (let number = 0; !isEnding; number++) {
  for (const stream of streams) stream.send(number);
  const dueMs = startMs + (number + 1) * Number(lineMs);
  await sleep(Math.max(0, dueMs - performance.now()));
  latenessMs = Math.max(latenessMs, performance.now() - dueMs);
}
await Promise.all(streams.map((stream) => stream.end()));
// Others may still be waiting for their last echo, which would be reset if this process ended now.
const idle = new Promise((resolve) => server.close(resolve));
report();
await Promise.race([idle, sleep(LAST_ECHO_MS)]);
process.exit();
