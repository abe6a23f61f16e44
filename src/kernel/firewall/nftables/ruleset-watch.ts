import { Backoff } from "../../../runtime/backoff.ts";
import type { Clock } from "../../../runtime/clock.ts";
import { messageOf } from "../../../runtime/error.ts";
import type { Log } from "../../../runtime/log.ts";
import type { Random } from "../../../runtime/random.ts";
import { followEvents } from "../../netlink/event-stream.ts";
import type { EventTransport } from "../../netlink/transport.ts";
import { type RulesetEvent, readRulesetEvent } from "./ruleset-message.ts";

/** One transaction, of any program. */
export interface Commit {
  readonly generation: number;
  /** As in nft's commands: "ip flannel-ipv4". */
  readonly tables: ReadonlySet<string>;
}

export interface RulesetListener {
  onCommit(commit: Commit): void;
  /** Events were lost: any table may have changed. */
  onLoss(): void;
}

/** Back-off before a failed stream is reopened; it always fails on a kernel without nftables. */
const REOPEN = { firstMs: 1000, maxMs: 60_000 };

/** Receives every transaction of nftables in this network namespace, iptables-nft's among them. */
export class RulesetWatch {
  readonly #open: () => EventTransport;
  readonly #listener: RulesetListener;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #backoff: Backoff;
  #touched = new Set<string>();
  #isListening = false;

  constructor(options: {
    open: () => EventTransport;
    listener: RulesetListener;
    clock: Clock;
    random: Random;
    log: Log;
  }) {
    this.#open = options.open;
    this.#listener = options.listener;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#backoff = new Backoff({ ...REOPEN, random: options.random });
  }

  /** False while no events arrive. */
  get isListening(): boolean {
    return this.#isListening;
  }

  /** Listens until the signal aborts, then rejects with its reason; handles all other failures. */
  async run(signal: AbortSignal): Promise<never> {
    for (;;) {
      try {
        await this.#follow(signal);
      } catch (error) {
        signal.throwIfAborted();
        const fields = { op: "follow-changes-of-nftables", reason: messageOf(error) };
        if (this.#backoff.attempt === 0) this.#log.warn(fields, "nftables event stream failed, will retry");
        else this.#log.debug(fields, "nftables event stream still failing");
        await this.#clock.sleep(this.#backoff.nextMs(), signal);
      }
    }
  }

  async #follow(signal: AbortSignal): Promise<never> {
    const transport = this.#open();
    try {
      this.#isListening = true;
      // Events before the socket was open are lost.
      this.#onLoss();
      return await followEvents(
        transport,
        {
          onMessage: (message) => this.#receive(readRulesetEvent(message)),
          onOverrun: async () => this.#onLoss(),
        },
        this.#clock,
        signal,
      );
    } finally {
      this.#isListening = false;
      transport.close();
    }
  }

  #receive(event: RulesetEvent | null): void {
    if (event === null) return;
    if (event.kind === "touched") {
      this.#touched.add(event.table);
      return;
    }
    this.#backoff.reset();
    const commit = { generation: event.generation, tables: this.#touched };
    this.#touched = new Set();
    this.#listener.onCommit(commit);
  }

  #onLoss(): void {
    this.#touched = new Set();
    this.#listener.onLoss();
  }
}
