import type { Clock } from "../../runtime/clock.ts";
import { type Message, readMessages } from "./message.ts";
import type { EventTransport } from "./transport.ts";

/** Multicast groups of notifications (RTNLGRP_*, linux/rtnetlink.h), as the bits that a socket binds to. */
export const EVENT_GROUPS =
  (1 << 0) | // RTNLGRP_LINK
  (1 << 2) | // RTNLGRP_NEIGH, forwarding entries too
  (1 << 4) | // RTNLGRP_IPV4_IFADDR
  (1 << 6) | // RTNLGRP_IPV4_ROUTE
  (1 << 7) | // RTNLGRP_IPV4_RULE
  (1 << 8) | // RTNLGRP_IPV6_IFADDR
  (1 << 10) | // RTNLGRP_IPV6_ROUTE
  (1 << 18); // RTNLGRP_IPV6_RULE

/** Yields to the event loop after this many datagrams in a row. */
const DATAGRAMS_PER_TURN = 128;

export interface EventHandler {
  /** The body of a message is valid during the call only. */
  onMessage(message: Message): void;
  /** Notifications were lost. The stream continues once the promise resolves. */
  onOverrun(): Promise<void>;
}

/** Delivers notifications until the signal aborts, then rejects with its reason. It does not close the transport. */
export async function followEvents(
  transport: EventTransport,
  handler: EventHandler,
  clock: Pick<Clock, "turn">,
  signal: AbortSignal,
): Promise<never> {
  for (;;) {
    await transport.readable(signal);
    for (let count = 1; ; count++) {
      const received = transport.receive();
      if (received.kind === "empty") break;
      if (received.kind === "datagram") {
        for (const message of readMessages(received.bytes)) handler.onMessage(message);
      } else {
        await handler.onOverrun();
      }
      if (count % DATAGRAMS_PER_TURN === 0) await clock.turn();
      signal.throwIfAborted();
    }
  }
}
