/**
 * The identities of this node's tunnels. Peers send the frames for a MAC to one node, so a node that shares its MAC
 * with another lease replaces it, even if it had the MAC first: a MAC costs nothing to change.
 */
import type { Identities } from "../../../backends/identity.ts";
import type { Contested } from "../../lease/uniqueness.ts";
import { randomMac } from "../../net/index.ts";
import { Backoff } from "../../runtime/backoff.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import type { Random } from "../../runtime/random.ts";

/** Each change briefly loses packets; a node that copies every new MAC must not be able to force many changes. */
const CHANGE_BACKOFF = { firstMs: 60_000, maxMs: 3_600_000 };

export class OwnIdentities {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Log;
  readonly #backoff: Backoff;
  #identities: Identities;
  #notBeforeMs = Number.NEGATIVE_INFINITY;

  constructor(identities: Identities, surroundings: { clock: Clock; random: Random; log: Log }) {
    this.#identities = identities;
    this.#clock = surroundings.clock;
    this.#random = surroundings.random;
    this.#log = surroundings.log;
    this.#backoff = new Backoff({ ...CHANGE_BACKOFF, random: surroundings.random });
  }

  get current(): Identities {
    return this.#identities;
  }

  /**
   * Replaces contested MACs, each in its family only.
   * @returns "changed"; or when to call again, in monotonic time; or null when nothing is contested
   */
  review(contested: readonly Contested[]): "changed" | number | null {
    const duplicates = contested.filter((each) => this.#holderOf(each) !== null);
    if (duplicates.length === 0) return null;
    if (this.#clock.nowMs() < this.#notBeforeMs) return this.#notBeforeMs;
    this.#notBeforeMs = this.#clock.nowMs() + this.#backoff.nextMs();
    for (const duplicate of duplicates) this.#replace(duplicate);
    return "changed";
  }

  /** Name of the identity that has the contested value. */
  #holderOf({ code, family, value }: Contested): string | null {
    if (code !== "duplicate-mac") return null;
    for (const [name, { macs }] of this.#identities) if (macs[family] === value) return name;
    return null;
  }

  #replace(contested: Contested): void {
    const name = this.#holderOf(contested);
    const identity = name === null ? undefined : this.#identities.get(name);
    if (name === null || identity === undefined) return;
    const { family, code, value, by } = contested;
    const macs = { ...identity.macs, [family]: randomMac(this.#random) };
    this.#identities = new Map(this.#identities).set(name, { ...identity, macs });
    const reason = `another lease also has ${value}`;
    this.#log.warn({ op: "choose-mac", family, code, peer: by, reason }, "duplicate MAC replaced");
  }
}
