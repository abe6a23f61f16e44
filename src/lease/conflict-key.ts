/** A published value that must be unique in the cluster. Backends extract it, the lease layer resolves conflicts. */
export interface ConflictKey {
  /** The rejection code for a lease whose value another one holds. */
  readonly code: "duplicate-mac";
  /** Normalised: equal values have equal text. */
  readonly value: string;
}
