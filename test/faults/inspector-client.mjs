/**
 * Evaluates an expression in a Node program of this namespace, which listens for inspectors after SIGUSR1, prints its value
 * as JSON, and makes the program stop listening. With `worker` the expression ends one of the program's threads.
 *
 *     node inspector-client.mjs EXPRESSION [worker]
 */
import { randomBytes } from "node:crypto";
import { get } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const PLACE = { host: "127.0.0.1", port: 9229 };
const TRIES = 100;
/** A kind of frame: the program has ended the connection. */
const CLOSE = 8;

function body(path) {
  return new Promise((resolve, reject) => {
    get({ ...PLACE, path }, (response) => {
      let text = "";
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => resolve(text));
    }).on("error", reject);
  });
}

/** The program opens its port a moment after the signal. */
async function targetPath() {
  for (let tried = 1; ; tried++) {
    try {
      const [{ webSocketDebuggerUrl }] = JSON.parse(await body("/json/list"));
      return new URL(webSocketDebuggerUrl).pathname;
    } catch (error) {
      if (tried === TRIES) throw error;
      await sleep(50);
    }
  }
}

function upgrade(path) {
  const headers = {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": randomBytes(16).toString("base64"),
  };
  return new Promise((resolve, reject) => {
    get({ ...PLACE, path, headers })
      .on("upgrade", (_response, socket) => resolve(socket))
      .on("error", reject);
  });
}

/** RFC 6455 section 5.2: a client's frames are masked; a mask of zeros leaves them as they are. */
function frame(text) {
  const payload = Buffer.from(text);
  const head = Buffer.from([0x81, 0x80 | 126, payload.length >> 8, payload.length & 255, 0, 0, 0, 0]);
  return Buffer.concat([head, payload]);
}

/** The text of each unfragmented frame; @returns the bytes that are left */
function readFrames(bytes, onText) {
  for (;;) {
    if (bytes.length < 2) return bytes;
    const short = bytes[1] & 127;
    const start = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (bytes.length < start) return bytes;
    const length =
      short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
    if (bytes.length < start + length) return bytes;
    if ((bytes[0] & 15) === CLOSE) process.exit(hasValue ? 0 : 1);
    onText(bytes.toString("utf8", start, start + length));
    bytes = bytes.subarray(start + length);
  }
}

const [expression, place] = process.argv.slice(2);
/** Afterwards the program no longer listens, and has the descriptors and threads that it had before. */
const CLOSING = 'void setImmediate(() => process.getBuiltinModule("node:inspector").close())';
const [EVALUATED, CLOSED, ENABLED, SENT] = [1, 2, 3, 4];
const socket = await upgrade(await targetPath());
const send = (message) => socket.write(frame(JSON.stringify(message)));
const evaluate = (id, text) => ({
  id,
  method: "Runtime.evaluate",
  params: { expression: text, returnByValue: true },
});

let rest = Buffer.alloc(0);
let sessionId = null;
let hasValue = false;
socket.on("data", (chunk) => {
  rest = readFrames(Buffer.concat([rest, chunk]), (text) => answer(JSON.parse(text)));
});
socket.on("close", () => process.exit(hasValue ? 0 : 1));
if (place === "worker")
  send({ id: ENABLED, method: "NodeWorker.enable", params: { waitForDebuggerOnStart: false } });
else send(evaluate(EVALUATED, expression));

function answer({ id, method, params, result }) {
  if (id === EVALUATED) {
    hasValue = result.exceptionDetails === undefined;
    if (hasValue) console.log(JSON.stringify(result.result.value));
    else console.error(result.result.description);
    close();
  }
  if (method === "NodeWorker.attachedToWorker" && sessionId === null) {
    sessionId = params.sessionId;
    const message = JSON.stringify(evaluate(EVALUATED, expression));
    send({ id: SENT, method: "NodeWorker.sendMessageToWorker", params: { sessionId, message } });
  }
  if (method === "NodeWorker.detachedFromWorker" && params.sessionId === sessionId) {
    hasValue = true;
    close();
  }
}

function close() {
  send(evaluate(CLOSED, CLOSING));
}
