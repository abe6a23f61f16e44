import type { Ip } from "../../src/net/index.ts";
import type { Clock } from "../../src/runtime/clock.ts";
import { TweedError } from "../../src/runtime/error.ts";
import { type Distribution, distribution } from "../percentiles.ts";
import { REQUEST } from "./protocol.ts";
import type { TcpCalls } from "./tcp-calls.ts";

export interface ExchangeOptions {
  readonly ip: Ip;
  readonly port: number;
  readonly durationMs: number;
  /** A new connection for each request, including connect and close. */
  readonly connectEach: boolean;
}

export interface ExchangeResult {
  readonly exchanges: number;
  readonly perSecond: number;
  readonly latencyUs: Distribution;
}

const TIMEOUT_MS = 2000;
/** Requests before the measurement, so that cold caches and the first neighbour lookup do not count. */
const WARM_UP = 50;

/**
 * Sends requests and waits for each answer, for the given time.
 * @throws TweedError with the errno's name, or `no-answer`
 */
export function exchange(calls: TcpCalls, options: ExchangeOptions, clock: Clock): ExchangeResult {
  const latenciesUs: number[] = [];
  const once = options.connectEach ? connecting(calls, options) : keeping(calls, options);
  try {
    for (let request = 0; request < WARM_UP; request++) once.ask();
    const startMs = clock.nowMs();
    let nowMs = startMs;
    while (nowMs - startMs < options.durationMs) {
      once.ask();
      const answeredMs = clock.nowMs();
      latenciesUs.push((answeredMs - nowMs) * 1000);
      nowMs = answeredMs;
    }
    const latencyUs = distribution(latenciesUs);
    if (latencyUs === null) return refuse(options, "not one request was answered");
    const perSecond = (latencyUs.count / (nowMs - startMs)) * 1000;
    return { exchanges: latencyUs.count, perSecond, latencyUs };
  } finally {
    once.end();
  }
}

interface Asker {
  ask(): void;
  end(): void;
}

function keeping(calls: TcpCalls, options: ExchangeOptions): Asker {
  const connection = calls.connect(options.ip, options.port, TIMEOUT_MS);
  const byte = new Uint8Array(1);
  return {
    ask() {
      byte[0] = REQUEST.keep;
      calls.send(connection, byte, 1);
      if (calls.receive(connection, byte) !== 1) refuse(options, "a request was not answered");
    },
    end: () => calls.close(connection),
  };
}

function connecting(calls: TcpCalls, options: ExchangeOptions): Asker {
  const byte = new Uint8Array(1);
  return {
    ask() {
      const connection = calls.connect(options.ip, options.port, TIMEOUT_MS);
      try {
        byte[0] = REQUEST.close;
        calls.send(connection, byte, 1);
        if (calls.receive(connection, byte) !== 1) refuse(options, "a request was not answered");
        if (calls.receive(connection, byte) !== 0) refuse(options, "the server did not close");
      } finally {
        calls.close(connection);
      }
    },
    end: () => {},
  };
}

function refuse({ ip, port }: ExchangeOptions, reason: string): never {
  throw new TweedError({ code: "no-answer", operation: `exchange with ${ip} port ${port}`, reason });
}
