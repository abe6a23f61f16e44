/**
 * The MAC addresses of this node's tunnels. Peers send the frames for a MAC to one node, so a node whose MAC another
 * lease has too takes another one, whoever was first: it is the one thing here that costs nothing to change.
 */
import type { LocalHost } from "../../../backends/backend.ts";
import type { Contested } from "../../lease/uniqueness.ts";
import { randomMac } from "../../net/index.ts";
import { Backoff } from "../../runtime/backoff.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import type { Random } from "../../runtime/random.ts";

/** Each change costs the packets of a moment; somebody who copies every new MAC must not be able to cause many. */
const CHANGES_APART = { firstMs: 60_000, maxMs: 3_600_000 };

export class OwnMacs {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Log;
  readonly #backoff: Backoff;
  #macs: LocalHost["macs"];
  #notBeforeMs = Number.NEGATIVE_INFINITY;

  constructor(macs: LocalHost["macs"], surroundings: { clock: Clock; random: Random; log: Log }) {
    this.#macs = macs;
    this.#clock = surroundings.clock;
    this.#random = surroundings.random;
    this.#log = surroundings.log;
    this.#backoff = new Backoff({ ...CHANGES_APART, random: surroundings.random });
  }

  get present(): LocalHost["macs"] {
    return this.#macs;
  }

  /**
   * Takes another MAC in each family that is contested.
   * @returns "changed"; or when to ask again, in monotonic time; or null when there is nothing to do
   */
  review(contested: readonly Contested[]): "changed" | number | null {
    const duplicates = contested.filter(({ code }) => code === "duplicate-mac");
    if (duplicates.length === 0) return null;
    if (this.#clock.nowMs() < this.#notBeforeMs) return this.#notBeforeMs;
    this.#notBeforeMs = this.#clock.nowMs() + this.#backoff.nextMs();
    for (const { family, code, value, by } of duplicates) {
      this.#macs = { ...this.#macs, [family]: randomMac(this.#random) };
      const reason = `another lease has ${value} too`;
      this.#log.warn({ op: "choose-mac", family, code, peer: by, reason }, "taking another MAC");
    }
    return "changed";
  }
}
