import { expect } from "vitest";
import { brokenStreams, type Reading } from "./pod-traffic.ts";

/** Bounds of a switch: lost pings by pair and switch, and the longest stall of a stream. */
const MAX_LOST = 5;
const LONGEST_SILENCE_MS = 1000;

/** Collects the losses of each switch, prints them, and checks them against bounds for an idle machine. */
export class LossTally {
  readonly #title: string;
  readonly #lines: string[] = [];
  readonly #losses: number[] = [];
  readonly #lossesByGroup = new Map<string, number[]>();
  readonly #silences: number[] = [];
  readonly #faults: string[] = [];

  constructor(title: string) {
    this.#title = title;
  }

  /** @param groups the groups that the switch belongs to: each gets a distribution of its own */
  add(what: string, { pings, streams, latenessMs }: Reading, groups: readonly string[] = []): void {
    const lost = pings.map((ping) => ping.lost);
    const silenceMs = Math.max(...streams.map((stream) => stream.silenceMs));
    this.#losses.push(...lost);
    for (const group of groups) {
      this.#lossesByGroup.set(group, [...(this.#lossesByGroup.get(group) ?? []), ...lost]);
    }
    this.#silences.push(silenceMs);
    this.#faults.push(...brokenStreams({ streams }).map((fault) => `${what}: ${fault}`));
    const sent = pings.reduce((sum, ping) => sum + ping.sent, 0);
    this.#lines.push(
      `  ${what}: ${sent} pings, lost by pair ${histogram(lost)}; longest silence ${silenceMs} ms, ` +
        `senders late by ${latenessMs} ms`,
    );
  }

  /** At the end: whether the streams delivered all data. */
  close(reading: Pick<Reading, "streams">): void {
    this.#faults.push(...brokenStreams(reading).map((fault) => `at the end: ${fault}`));
  }

  toString(): string {
    const silenceMs = Math.max(0, ...this.#silences);
    const total = `${this.#title}: pings lost by pair and switch ${distribution(this.#losses)}; longest silence ${silenceMs} ms`;
    const groups = Array.from(
      this.#lossesByGroup,
      ([group, losses]) => `  in all, ${group}: ${distribution(losses)}`,
    );
    return [total, ...groups.sort(), ...this.#lines, ...this.#faults].join("\n");
  }

  /** On any machine, however slow: no stream is reset, and each returns what was sent. */
  expectUnbroken(): void {
    expect(this.#losses.length).toBeGreaterThan(0);
    expect(this.#faults).toEqual([]);
  }

  /** For every single switch. */
  expectWithinBounds(): void {
    expect(Math.max(...this.#losses), this.toString()).toBeLessThanOrEqual(MAX_LOST);
    expect(Math.max(...this.#silences), this.toString()).toBeLessThanOrEqual(LONGEST_SILENCE_MS);
  }

  /** For all switches together. */
  expectMostlyNone(): void {
    expect(quantile(this.#losses, 0.5), this.toString()).toBe(0);
  }
}

function distribution(losses: readonly number[]): string {
  const [median, most, nearlyAll] = [0.5, 0.9, 0.99].map((share) => quantile(losses, share));
  const worst = Math.max(0, ...losses);
  return `median ${median}, 90% ${most}, 99% ${nearlyAll}, worst ${worst} (${histogram(losses)})`;
}

/** "0 ×70, 1 ×2": each value and its count. */
function histogram(values: readonly number[]): string {
  const counts = new Map<number, number>();
  for (const value of values.toSorted((a, b) => a - b)) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].map(([value, count]) => `${value} ×${count}`).join(", ");
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? 0;
}
