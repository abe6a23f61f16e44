/**
 * The lifecycle of a backend on this node, as a state table. A backend is in one phase at a time. The first row of its
 * phase whose cause holds moves it to the next phase, repeatedly until no row applies. ARCHITECTURE.md has the same
 * table, and a test compares the two.
 */

export const PHASES = [
  "accepted",
  "programmed",
  "receiving",
  "published",
  "in force",
  "unused",
  "withdrawn",
] as const;
export type Phase = (typeof PHASES)[number];

/** The facts about a backend after an event was recorded. */
export interface Facts {
  /** Another backend of its channel was accepted, or too many others. */
  readonly isReplaced: boolean;
  /** The configuration in force names it. */
  readonly isPreferred: boolean;
  /** It is part of the last desired state of kernel, effects and firewall. */
  readonly isPlanned: boolean;
  /** All parts of that state are in place; null while that is so, but the firewall has not received its part. */
  readonly isConverged: boolean | null;
  /** The last lease that the store acknowledged names it. */
  readonly isAdvertised: boolean;
  /** The advertisement in force for this node's own paths names it. */
  readonly isInForce: boolean;
  /** A path of the last plan uses it. */
  readonly isUsed: boolean;
  /** No path has used it for the grace time, and the preferred one is in force. */
  readonly isGraceOver: boolean;
  /** An advertisement that peers may know names it. */
  readonly isNamed: boolean;
}

/** Why a backend changes its phase; ARCHITECTURE.md has the same texts. */
export const CAUSES = {
  "another takes its place": (facts) => facts.isReplaced,
  "the desired state has it": (facts) => facts.isPlanned,
  "kernel, effects, firewall and retained file have converged": (facts) => facts.isConverged === true,
  "one of them is no longer converged": (facts) => facts.isConverged === false,
  "the store acknowledged a lease that names it": (facts) => facts.isAdvertised,
  "the newest lease does not name it": (facts) => !facts.isAdvertised,
  "a lease that names it was in the store for the propagation delay": (facts) => facts.isInForce,
  "the lease in force does not name it": (facts) => !facts.isInForce,
  "another is preferred and no path uses it": (facts) => !facts.isPreferred && !facts.isUsed,
  "a path uses it": (facts) => facts.isUsed,
  "a path uses it again": (facts) => facts.isUsed && facts.isInForce && !facts.isReplaced,
  "the grace time is over and the preferred one in force": (facts) => facts.isGraceOver,
  "no lease names it": (facts) => !facts.isNamed,
} as const satisfies Record<string, (facts: Facts) => boolean>;
export type Cause = keyof typeof CAUSES;

export interface Transition {
  readonly from: Phase;
  readonly cause: Cause;
  /** "gone" is not a phase: this node no longer tracks the backend. */
  readonly to: Phase | "gone";
}

const REPLACED = { cause: "another takes its place", to: "withdrawn" } as const;
const DROPPED = { cause: "the grace time is over and the preferred one in force", to: "withdrawn" } as const;
const PUBLISHED = { cause: "the store acknowledged a lease that names it", to: "published" } as const;

/** In each phase the first row whose cause holds applies. */
export const TRANSITIONS: readonly Transition[] = [
  { from: "accepted", ...REPLACED },
  { from: "accepted", ...DROPPED },
  // The first lease of a node names all backends, as no peer sends to it yet. So does the lease of an earlier daemon.
  { from: "accepted", ...PUBLISHED },
  { from: "accepted", cause: "the desired state has it", to: "programmed" },

  { from: "programmed", ...REPLACED },
  { from: "programmed", ...DROPPED },
  { from: "programmed", ...PUBLISHED },
  {
    from: "programmed",
    cause: "kernel, effects, firewall and retained file have converged",
    to: "receiving",
  },

  { from: "receiving", ...REPLACED },
  { from: "receiving", ...DROPPED },
  { from: "receiving", ...PUBLISHED },
  { from: "receiving", cause: "one of them is no longer converged", to: "programmed" },

  { from: "published", ...REPLACED },
  { from: "published", ...DROPPED },
  {
    from: "published",
    cause: "a lease that names it was in the store for the propagation delay",
    to: "in force",
  },
  // For example when the host no longer supports it.
  { from: "published", cause: "the newest lease does not name it", to: "programmed" },

  { from: "in force", ...REPLACED },
  { from: "in force", cause: "the lease in force does not name it", to: "published" },
  { from: "in force", cause: "another is preferred and no path uses it", to: "unused" },

  { from: "unused", ...REPLACED },
  { from: "unused", ...DROPPED },
  { from: "unused", cause: "the lease in force does not name it", to: "published" },
  { from: "unused", cause: "a path uses it", to: "in force" },

  // A peer turned back to it before the lease without it was in force.
  { from: "withdrawn", cause: "a path uses it again", to: "in force" },
  // Peers that have not read the newest lease may still send by it: kernel, effects and firewall retain it until then.
  { from: "withdrawn", cause: "no lease names it", to: "gone" },
];

/** In the order of the table: each event advances each backend. */
const BY_PHASE: ReadonlyMap<Phase | "gone", readonly Transition[]> = new Map(
  TRANSITIONS.map(({ from }) => [from, TRANSITIONS.filter((row) => row.from === from)]),
);

/** The phase to which these facts move a backend. Facts cannot move it both forward and back, so this terminates. */
export function advance(phase: Phase, facts: Facts): Phase | "gone" {
  let current: Phase | "gone" = phase;
  for (let steps = 0; steps < TRANSITIONS.length; steps++) {
    const next: Transition | undefined = BY_PHASE.get(current)?.find(({ cause }) => CAUSES[cause](facts));
    if (next === undefined) return current;
    current = next.to;
  }
  throw new RangeError(`the table of phases has a cycle at ${JSON.stringify(current)}`);
}
