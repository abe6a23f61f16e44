/**
 * What an operator should know of a node that may be ready all the same: what of its surroundings is in the way of pods'
 * packets, and since when. A note stays as long as its cause does.
 */
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";

/** What a note is about, and the operation in its line; the stores say by themselves that they are away. */
const OPERATIONS = {
  store: null,
  firewall: "keep-firewall",
  forwarding: "check-forwarding",
  sysctl: "check-sysctls",
  cni: "check-cni-conf",
} as const;

export type NoteTopic = keyof typeof OPERATIONS;

export interface NodeNote {
  readonly topic: NoteTopic;
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly sinceWallMs: number;
}

/** Of one topic: more would tell nobody more. */
const MOST_OF_A_TOPIC = 20;
/** A note that comes and goes is said this often. */
const REPEAT_MS = 60_000;

export class NodeNotes {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #notes = new Map<NoteTopic, readonly NodeNote[]>();
  /** When a line was last written, by topic and reason. */
  readonly #saidMs = new Map<string, number>();

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#clock = clock;
    this.#log = log;
  }

  list(): readonly NodeNote[] {
    return [...this.#notes.values()].flat();
  }

  /**
   * All that there is to say about the topic from now on; empty when nothing is.
   * @param sinceWallMs of what is new, where that is known
   */
  set(topic: NoteTopic, reasons: readonly string[], sinceWallMs = this.#clock.wallMs()): void {
    const known = this.#notes.get(topic) ?? [];
    const distinct = [...new Set(reasons)].slice(0, MOST_OF_A_TOPIC);
    const notes = distinct.map(
      (reason) => known.find((note) => note.reason === reason) ?? { topic, reason, sinceWallMs },
    );
    this.#notes.set(topic, notes);
    for (const note of notes) if (!known.includes(note)) this.#sayCame(note);
    for (const note of known) if (!notes.includes(note)) this.#sayGone(note);
  }

  #sayCame({ topic, reason }: NodeNote): void {
    const op = OPERATIONS[topic];
    if (op === null || !this.#isWorthSaying(`+${topic} ${reason}`)) return;
    this.#log.warn({ op, reason }, "a setting of this host blocks traffic of pods, or may");
  }

  #sayGone({ topic, reason, sinceWallMs }: NodeNote): void {
    const op = OPERATIONS[topic];
    if (op === null || !this.#isWorthSaying(`-${topic} ${reason}`)) return;
    const durationMs = this.#clock.wallMs() - sinceWallMs;
    this.#log.info({ op, reason, durationMs }, "a setting of this host no longer blocks traffic of pods");
  }

  #isWorthSaying(line: string): boolean {
    const nowMs = this.#clock.nowMs();
    for (const [each, atMs] of this.#saidMs) if (nowMs - atMs >= REPEAT_MS) this.#saidMs.delete(each);
    if (this.#saidMs.has(line)) return false;
    this.#saidMs.set(line, nowMs);
    return true;
  }
}
