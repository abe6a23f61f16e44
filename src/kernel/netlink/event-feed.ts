import type { Clock } from "../../runtime/clock.ts";
import { messageOf } from "../../runtime/error.ts";
import type { Log } from "../../runtime/log.ts";
import type { KernelChange } from "../kernel.ts";
import { ChangeReader } from "./change-reader.ts";
import { followEvents } from "./event-stream.ts";
import type { LinkMessage } from "./link.ts";
import type { EventTransport } from "./transport.ts";

/** Pause before a failed stream is reopened. */
const REOPEN_MS = 1000;
/** A stream that fails again and again is logged once in this time. */
const LOG_MS = 60_000;

export interface EventSource {
  open(): EventTransport;
  listLinks(): Promise<readonly LinkMessage[]>;
}

/** Delivers changes to one subscriber until its signal aborts, across failures of the stream. */
export class EventFeed {
  readonly #source: EventSource;
  readonly #onChange: (change: KernelChange) => void;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #reader = new ChangeReader();
  #loggedAtMs = Number.NEGATIVE_INFINITY;
  #failures = 0;

  constructor(options: {
    source: EventSource;
    onChange: (change: KernelChange) => void;
    clock: Clock;
    log: Log;
  }) {
    this.#source = options.source;
    this.#onChange = options.onChange;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** Opens a stream of all changes from now on. */
  async connect(): Promise<EventTransport> {
    // Opened before the links are listed: changes in between are queued in the socket.
    const transport = this.#source.open();
    try {
      this.#reader.relist(await this.#source.listLinks());
    } catch (error) {
      transport.close();
      throw error;
    }
    return transport;
  }

  /**
   * Reads the stream until the signal aborts. After a failure, also of decoding, the queued changes are lost: the
   * subscriber gets an overrun, and a new stream is opened.
   */
  async run(first: EventTransport, signal: AbortSignal): Promise<void> {
    let transport: EventTransport | null = first;
    while (!signal.aborted) {
      try {
        if (transport === null) {
          await this.#clock.sleep(REOPEN_MS, signal);
          transport = await this.connect();
          this.#onChange({ kind: "overrun" });
        }
        await followEvents(
          transport,
          {
            onMessage: (message) => {
              const change = this.#reader.read(message);
              if (change !== null) this.#onChange(change);
            },
            onOverrun: async () => {
              this.#reader.relist(await this.#source.listLinks());
              this.#onChange({ kind: "overrun" });
            },
          },
          this.#clock,
          signal,
        );
      } catch (error) {
        transport?.close();
        transport = null;
        if (signal.aborted) continue;
        this.#logFailure(messageOf(error));
      }
    }
    transport?.close();
  }

  #logFailure(reason: string): void {
    const nowMs = this.#clock.nowMs();
    this.#failures += 1;
    if (nowMs - this.#loggedAtMs < LOG_MS) return;
    const fields = { op: "follow-kernel-events", reason, count: this.#failures };
    this.#log.warn(fields, "kernel event stream failed, will retry");
    this.#loggedAtMs = nowMs;
    this.#failures = 0;
  }
}
