/**
 * Notes for the operator that do not affect readiness: conditions of the host that block packets of pods, and since
 * when. A note stays as long as its cause.
 */
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";

/** Topics of notes, and the `op` of their log lines; null where another part writes the log lines. */
const OPERATIONS = {
  store: null,
  withdrawal: null,
  invariant: null,
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

/** Notes of one topic: more would not help. */
const MAX_PER_TOPIC = 20;
/** Least time between two equal lines, for a note that appears and clears repeatedly. */
const REPEAT_MS = 60_000;

export class NodeNotes {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #notes = new Map<NoteTopic, readonly NodeNote[]>();
  /** When a line was last written, by topic and reason. */
  readonly #loggedAtMs = new Map<string, number>();

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#clock = clock;
    this.#log = log;
  }

  list(): readonly NodeNote[] {
    return [...this.#notes.values()].flat();
  }

  /**
   * Replaces all notes of the topic; empty clears them.
   * @param sinceWallMs start of the new notes, where it is known
   */
  set(topic: NoteTopic, reasons: readonly string[], sinceWallMs = this.#clock.wallMs()): void {
    const known = this.#notes.get(topic) ?? [];
    const distinct = [...new Set(reasons)].slice(0, MAX_PER_TOPIC);
    const notes = distinct.map(
      (reason) => known.find((note) => note.reason === reason) ?? { topic, reason, sinceWallMs },
    );
    this.#notes.set(topic, notes);
    for (const note of notes) if (!known.includes(note)) this.#logAppeared(note);
    for (const note of known) if (!notes.includes(note)) this.#logCleared(note);
  }

  #logAppeared({ topic, reason }: NodeNote): void {
    const op = OPERATIONS[topic];
    if (op === null || !this.#mayLog(`+${topic} ${reason}`)) return;
    this.#log.warn({ op, reason }, "a setting of this host blocks traffic of pods, or may");
  }

  #logCleared({ topic, reason, sinceWallMs }: NodeNote): void {
    const op = OPERATIONS[topic];
    if (op === null || !this.#mayLog(`-${topic} ${reason}`)) return;
    const durationMs = this.#clock.wallMs() - sinceWallMs;
    this.#log.info({ op, reason, durationMs }, "a setting of this host no longer blocks traffic of pods");
  }

  #mayLog(line: string): boolean {
    const nowMs = this.#clock.nowMs();
    for (const [each, atMs] of this.#loggedAtMs) if (nowMs - atMs >= REPEAT_MS) this.#loggedAtMs.delete(each);
    if (this.#loggedAtMs.has(line)) return false;
    this.#loggedAtMs.set(line, nowMs);
    return true;
  }
}
