/** The values of a lease that must be unique in the cluster: public addresses and backends' conflict keys. Pure. */
import { type DualPrefix, FAMILIES, type Family } from "../net/index.ts";
import { joinedKey } from "../runtime/joined-key.ts";
import { byAge, type Claim, type RejectionCode } from "./claims.ts";
import { contestedValues, type Holders, type HolderTable, type Publisher } from "./holders.ts";
import type { Lease, LeaseContent } from "./lease.ts";
import type { DualReading } from "./offer-reading.ts";

export interface UniqueValue {
  /** The rejection code for a lease whose value another one holds. */
  readonly code: Extract<RejectionCode, `duplicate-${string}`>;
  readonly family: Family;
  /** Index of its offer; null for a public address, which all offers share. */
  readonly offer: number | null;
  readonly value: string;
  /** Code, family and value: the key in {@link Holders}. */
  readonly text: string;
}

/** A value of this node that another lease publishes too. */
export interface Contested {
  readonly code: UniqueValue["code"];
  readonly family: Family;
  readonly value: string;
  /** Key of the other lease. */
  readonly by: string;
  /** Whether peers accept the other lease's. */
  readonly isTheirs: boolean;
}

/** One for each offer, in order. */
type Readings = readonly DualReading[];

export interface OwnPublication extends Pick<LeaseContent, "publicIps"> {
  readonly key: string | null;
  readonly subnets: DualPrefix;
  readonly readings: Readings;
}

export interface ReadClaim extends Claim {
  readonly readings: Readings;
  readonly values: readonly UniqueValue[];
}

export function readClaim(claim: Claim, readings: Readings): ReadClaim {
  return { ...claim, readings, values: uniqueValues(claim.lease.publicIps, readings, claim.subnets) };
}

/** The oldest holder wins, see holders.ts; this node's own values compete like any other's. */
export class Uniqueness {
  readonly holders: Holders;
  readonly contested: readonly Contested[];

  /**
   * @param claims oldest first, without this node's own
   * @param own null for a command that only reads
   * @param ownLease as in the store; null while there is none, which makes this node the youngest
   * @param holders those carried over, which this updates
   * @param isKnown whether peers know that this node publishes a value
   */
  constructor(
    claims: readonly (Pick<Claim, "lease"> & { readonly publisher: Publisher })[],
    own: OwnPublication | null,
    ownLease: Lease | null,
    holders: HolderTable,
    isKnown: (value: string) => boolean,
  ) {
    const ownValues = own === null ? [] : uniqueValues(own.publicIps, own.readings, own.subnets);
    const ownPublisher = publisherOf(own?.key ?? "", ownValues);
    const isYounger = ({ lease }: Pick<Claim, "lease">) => ownLease !== null && byAge(ownLease, lease) < 0;
    const place = claims.findIndex(isYounger);
    const publishers = claims
      .map(({ publisher }) => publisher)
      .toSpliced(place < 0 ? claims.length : place, 0, ownPublisher);
    holders.update(publishers);
    this.holders = holders;
    const others = contestedValues(ownPublisher, holders, publishers, isKnown);
    this.contested = ownValues.flatMap((value) => {
      const by = others.get(value.text);
      if (by === undefined) return [];
      const isTheirs = this.holders.get(value.text) === by;
      return [{ code: value.code, family: value.family, value: value.value, by, isTheirs }];
    });
  }

  /** A value of this family and offer that another lease holds, and its key; null `offer` means the public address. */
  duplicate(
    { lease: { key }, values }: ReadClaim,
    family: Family,
    offer: number | null,
  ): (UniqueValue & { readonly by: string }) | null {
    for (const value of values) {
      if (value.family !== family || value.offer !== offer) continue;
      const by = this.holders.get(value.text);
      if (by !== undefined && by !== key) return { ...value, by };
    }
    return null;
  }

  /** Whether no other lease holds any of its values. */
  isAlone({ key, values }: Publisher): boolean {
    for (const value of values) if (this.holders.get(value) !== key) return false;
    return true;
  }
}

/** Of families with a valid subnet. One pass, no copies: the costliest part of accepting thousands of leases. */
function uniqueValues(
  publicIps: LeaseContent["publicIps"],
  readings: Readings,
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
  return { code, family, offer, value, text: joinedKey(code, family, value) };
}

export function publisherOf(key: string, values: readonly UniqueValue[]): Publisher {
  return { key, values: values.map(({ text }) => text) };
}
