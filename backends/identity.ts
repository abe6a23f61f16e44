/**
 * Identities distinguish a node's tunnel from every other node's, so each is unique. A backend names those it needs;
 * the agent creates them, stores them across restarts, and replaces one that another node has too.
 */
import type { Family, Mac } from "../src/net/index.ts";

export interface MacNeed<Options = unknown, Data = unknown> {
  readonly kind: "mac";
  /** Backends that give the same name share the identity. */
  readonly name: string;
  /** The MAC in this node's earlier data of one family. Reusing it spares peers a change. */
  published(data: Data): Mac | null;
  /** A device of an earlier daemon, or of flannel's, whose MAC is reused where nothing was published. */
  device(options: Options, family: Family): string;
}

/** A secret part of an identity stays with the agent; plans hold only what peers may see. */
export type IdentityNeed<Options = unknown, Data = unknown> = MacNeed<Options, Data>;

export type MacPair = Readonly<Record<Family, Mac>>;

export interface MacIdentity {
  readonly kind: "mac";
  readonly macs: MacPair;
}

export type Identity = MacIdentity;

/** By name: one for each {@link IdentityNeed} of every backend, in use or not. */
export type Identities = ReadonlyMap<string, Identity>;

/** @throws RangeError when the agent did not create it, which is a bug */
export function macsOf(identities: Identities, { name }: Pick<MacNeed, "name">): MacPair {
  const identity = identities.get(name);
  if (identity?.kind === "mac") return identity.macs;
  throw new RangeError(`there is no MAC identity ${name}`);
}
