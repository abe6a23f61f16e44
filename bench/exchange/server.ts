import { setImmediate } from "node:timers/promises";
import type { Ip } from "../../src/net/index.ts";
import { TweedError } from "../../src/runtime/error.ts";
import { EXCHANGE_TIMEOUT_MS, REQUEST } from "./protocol.ts";
import type { TcpCalls } from "./tcp-calls.ts";

/** Answers requests, one connection at a time, until the signal aborts. Its calls block the whole thread. */
export async function serveExchanges(
  calls: TcpCalls,
  ip: Ip,
  port: number,
  listening: () => void,
  signal: AbortSignal,
): Promise<void> {
  const listener = calls.listen(ip, port, EXCHANGE_TIMEOUT_MS);
  listening();
  try {
    for (let turn = 0; !signal.aborted; turn++) {
      const connection = calls.accept(listener, EXCHANGE_TIMEOUT_MS);
      if (connection !== null) serveConnection(calls, connection);
      // Signals are handled between turns of the event loop: at thousands of connections a second not after each one.
      if (connection === null || turn % 256 === 0) await setImmediate();
    }
  } finally {
    calls.close(listener);
  }
}

function serveConnection(calls: TcpCalls, connection: number): void {
  const byte = new Uint8Array(1);
  try {
    // A client that falls silent loses its connection.
    while (calls.receive(connection, byte) === 1) {
      calls.send(connection, byte, 1);
      if (byte[0] === REQUEST.close) return;
    }
  } catch (error) {
    // The client disconnected in the middle, which ends only its connection.
    if (!(error instanceof TweedError)) throw error;
  } finally {
    calls.close(connection);
  }
}
