/**
 * What tells a node's tunnel from every other node's and no second node may have. A backend names what it needs; the
 * agent makes it, keeps it across restarts and makes another when somebody else has the same.
 */
import type { Family, Mac } from "../src/net/index.ts";

export interface MacNeed<Options = unknown, Data = unknown> {
  readonly kind: "mac";
  /** Backends that give the same name share the identity. */
  readonly name: string;
  /** The MAC in what this node published earlier, of one family: peers need not learn another. */
  published(data: Data): Mac | null;
  /** A device of an earlier daemon, or of flannel's, whose MAC is taken up where nothing was published. */
  device(options: Options, family: Family): string;
}

/** A secret part of an identity stays with the agent; plans know what peers may know. */
export type IdentityNeed<Options = unknown, Data = unknown> = MacNeed<Options, Data>;

export type MacPair = Readonly<Record<Family, Mac>>;

export interface MacIdentity {
  readonly kind: "mac";
  readonly macs: MacPair;
}

export type Identity = MacIdentity;

/** By name: one for each need of every backend, in use or not. */
export type Identities = ReadonlyMap<string, Identity>;

/** @throws RangeError when the agent did not make it, which is a fault of ours */
export function macsOf(identities: Identities, { name }: Pick<MacNeed, "name">): MacPair {
  const identity = identities.get(name);
  if (identity?.kind === "mac") return identity.macs;
  throw new RangeError(`there is no MAC identity ${name}`);
}
