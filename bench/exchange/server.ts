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
      // Signals are handled between turns; at thousands of connections a second not between any two.
      if (connection === null || turn % 256 === 0) await setImmediate();
    }
  } finally {
    calls.close(listener);
  }
}

function serveConnection(calls: TcpCalls, connection: number): void {
  const byte = new Uint8Array(1);
  try {
    // A client that falls silent is given up, and with it its connection.
    while (calls.receive(connection, byte) === 1) {
      calls.send(connection, byte, 1);
      if (byte[0] === REQUEST.close) return;
    }
  } catch (error) {
    // It went away in the middle, which ends its connection and nothing else.
    if (!(error instanceof TweedError)) throw error;
  } finally {
    calls.close(connection);
  }
}
