/** What of a lease only one node of the cluster may have: its public addresses, and what its backends name. Pure. */
import { type DualPrefix, FAMILIES, type Family } from "../net/index.ts";
import { byAge, type Claim, type RejectionCode } from "./claims.ts";
import { contestedValues, type Holders, type Publisher, resolveHolders } from "./holders.ts";
import type { Lease, LeaseContent } from "./lease.ts";
import type { DualReading } from "./offer-reading.ts";

export interface UniqueValue {
  /** Why a lease is refused whose value another one holds. */
  readonly code: Extract<RejectionCode, `duplicate-${string}`>;
  readonly family: Family;
  /** Index of the offer that it is part of; null for a public address, which is part of all. */
  readonly offer: number | null;
  readonly value: string;
  /** Tells it from every other value of the cluster. */
  readonly text: string;
}

/** Something of this node's own that another lease has too. */
export interface Contested {
  readonly code: UniqueValue["code"];
  readonly family: Family;
  readonly value: string;
  /** Key of the other lease. */
  readonly by: string;
  /** Whether peers go by the other one. */
  readonly isTheirs: boolean;
}

/** What one node publishes. */
interface Publication extends Pick<LeaseContent, "publicIps"> {
  /** Of its offers, in their order. */
  readonly readings: readonly DualReading[];
}

export interface OwnPublication extends Publication {
  readonly key: string | null;
  readonly subnets: DualPrefix;
}

export interface ReadClaim extends Claim {
  readonly readings: readonly DualReading[];
}

/** The oldest holder wins, see holders.ts; this node's own values take part as any other's. */
export class Uniqueness {
  readonly holders: Holders;
  readonly contested: readonly Contested[];
  readonly #values: ReadonlyMap<string, readonly UniqueValue[]>;

  /**
   * @param claims oldest first, without this node's own
   * @param own null for a command that only reads
   * @param ownLease as the store has it; null before it has one, which makes it the youngest
   * @param known as the last snapshot left them; null at a start
   */
  constructor(
    claims: readonly ReadClaim[],
    own: OwnPublication | null,
    ownLease: Lease | null,
    known: Holders | null,
  ) {
    const values = new Map<string, readonly UniqueValue[]>();
    for (const { lease, subnets, readings } of claims)
      values.set(lease.key, uniqueValues(lease.publicIps, readings, subnets));
    const publishers = claims.map(({ lease: { key } }) => publisherOf(key, values.get(key) ?? []));
    const ownValues = own === null ? [] : uniqueValues(own.publicIps, own.readings, own.subnets);
    const ownPublisher = publisherOf(own?.key ?? "", ownValues);
    const isYounger = ({ lease }: Claim) => ownLease !== null && byAge(ownLease, lease) < 0;
    const place = claims.findIndex(isYounger);
    publishers.splice(place < 0 ? publishers.length : place, 0, ownPublisher);
    this.#values = values;
    this.holders = resolveHolders(known, publishers);
    const others = contestedValues(ownPublisher, this.holders, publishers, known === null);
    this.contested = ownValues.flatMap((value) => {
      const by = others.get(value.text);
      if (by === undefined) return [];
      const isTheirs = this.holders.get(value.text) === by;
      return [{ code: value.code, family: value.family, value: value.value, by, isTheirs }];
    });
  }

  /** What of this family and offer another lease holds, and which; `offer` null asks for the public address. */
  duplicate(
    key: string,
    family: Family,
    offer: number | null,
  ): (UniqueValue & { readonly by: string }) | null {
    for (const value of this.#values.get(key) ?? []) {
      if (value.family !== family || value.offer !== offer) continue;
      const by = this.holders.get(value.text);
      if (by !== undefined && by !== key) return { ...value, by };
    }
    return null;
  }
}

/** Of the families whose subnets stand. One pass without copies: it is the costliest part of accepting thousands of leases. */
function uniqueValues(
  publicIps: LeaseContent["publicIps"],
  readings: readonly DualReading[],
  subnets: DualPrefix,
): readonly UniqueValue[] {
  const values: UniqueValue[] = [];
  for (const family of FAMILIES) {
    if (subnets[family] === null) continue;
    const ip = publicIps[family];
    if (ip !== null) values.push(uniqueValue("duplicate-public-ip", family, null, ip));
    for (const [index, reading] of readings.entries()) {
      const read = reading[family];
      if (read === null || typeof read === "string") continue;
      for (const { code, value } of read.conflictKeys) values.push(uniqueValue(code, family, index, value));
    }
  }
  return values;
}

function uniqueValue(
  code: UniqueValue["code"],
  family: Family,
  offer: number | null,
  value: string,
): UniqueValue {
  return { code, family, offer, value, text: `${code} ${family} ${value}` };
}

function publisherOf(key: string, values: readonly UniqueValue[]): Publisher {
  return { key, values: values.map(({ text }) => text) };
}
