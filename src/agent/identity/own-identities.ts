/**
 * The identities of this node's tunnels. Peers send the frames for a MAC to one node, so a node whose MAC another
 * lease has too takes another one, whoever was first: it is the one thing here that costs nothing to change.
 */
import type { Identities } from "../../../backends/identity.ts";
import type { Contested } from "../../lease/uniqueness.ts";
import { randomMac } from "../../net/index.ts";
import { Backoff } from "../../runtime/backoff.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import type { Random } from "../../runtime/random.ts";

/** Each change costs the packets of a moment; somebody who copies every new MAC must not be able to cause many. */
const CHANGES_APART = { firstMs: 60_000, maxMs: 3_600_000 };

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
    this.#backoff = new Backoff({ ...CHANGES_APART, random: surroundings.random });
  }

  get present(): Identities {
    return this.#identities;
  }

  /**
   * Makes anew what is contested, in the families in which it is.
   * @returns "changed"; or when to ask again, in monotonic time; or null when there is nothing to do
   */
  review(contested: readonly Contested[]): "changed" | number | null {
    const duplicates = contested.filter((each) => this.#holderOf(each) !== null);
    if (duplicates.length === 0) return null;
    if (this.#clock.nowMs() < this.#notBeforeMs) return this.#notBeforeMs;
    this.#notBeforeMs = this.#clock.nowMs() + this.#backoff.nextMs();
    for (const duplicate of duplicates) this.#renew(duplicate);
    return "changed";
  }

  /** Name of the identity that has the contested value. */
  #holderOf({ code, family, value }: Contested): string | null {
    if (code !== "duplicate-mac") return null;
    for (const [name, { macs }] of this.#identities) if (macs[family] === value) return name;
    return null;
  }

  #renew(contested: Contested): void {
    const name = this.#holderOf(contested);
    const identity = name === null ? undefined : this.#identities.get(name);
    if (name === null || identity === undefined) return;
    const { family, code, value, by } = contested;
    const macs = { ...identity.macs, [family]: randomMac(this.#random) };
    this.#identities = new Map(this.#identities).set(name, { ...identity, macs });
    const reason = `another lease has ${value} too`;
    this.#log.warn({ op: "choose-mac", family, code, peer: by, reason }, "taking another MAC");
  }
}
