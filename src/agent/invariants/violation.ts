/** The invariants that the daemon checks while it runs. A violation is a fault of Tweed, and changes nothing it does. */
export const INVARIANTS = {
  "shared-prefix": "two nodes have one prefix",
  "unleased-object": "the desired state has objects for a peer without an accepted lease",
  "unnamed-object": "the kernel has objects of ours that are neither desired nor being removed",
} as const;

export type Invariant = keyof typeof INVARIANTS;

export interface Violation {
  readonly code: Invariant;
  /** The objects, as text; at least one. */
  readonly found: readonly string[];
}
