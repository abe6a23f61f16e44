/**
 * The life of a backend on this node, as a table. A backend is in one phase at a time; what is known of it moves it on,
 * by the first line of the table that fits, for as long as one does. ARCHITECTURE.md shows the same table, and a test
 * compares the two.
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

/** What is known of a backend when an event has been taken in. */
export interface Facts {
  /** Another one with its channel was accepted, or too many others. */
  readonly isReplaced: boolean;
  /** It stands first in the configuration in force. */
  readonly isPreferred: boolean;
  /** It is part of the last desired state of kernel, effects and firewall. */
  readonly isPlanned: boolean;
  /** All parts of that state stand; null where they do, but the firewall has yet to be told of its part. */
  readonly isSettled: boolean | null;
  /** The lease that the store acknowledged last names it. */
  readonly isAdvertised: boolean;
  /** The advertisement that this node's own paths go by names it. */
  readonly isInForce: boolean;
  /** A path of the last plan takes it. */
  readonly isUsed: boolean;
  /** No path has used it for the grace time, and the preferred one is in force. */
  readonly isGraceOver: boolean;
  /** An advertisement that peers may know names it. */
  readonly isNamed: boolean;
}

/** Why a backend changes its phase, in the words of ARCHITECTURE.md. */
export const CAUSES = {
  "another takes its place": (facts) => facts.isReplaced,
  "the desired state has it": (facts) => facts.isPlanned,
  "kernel, effects, firewall and retained file have settled": (facts) => facts.isSettled === true,
  "one of them is unsettled again": (facts) => facts.isSettled === false,
  "the store acknowledged a lease that names it": (facts) => facts.isAdvertised,
  "the newest lease does not name it": (facts) => !facts.isAdvertised,
  "a lease that names it was in the store for the propagation delay": (facts) => facts.isInForce,
  "the lease in force does not name it": (facts) => !facts.isInForce,
  "another is preferred and no path uses it": (facts) => !facts.isPreferred && !facts.isUsed,
  "a path uses it": (facts) => facts.isUsed,
  "the grace time is over and the preferred one in force": (facts) => facts.isGraceOver,
  "no lease names it": (facts) => !facts.isNamed,
} as const satisfies Record<string, (facts: Facts) => boolean>;
export type Cause = keyof typeof CAUSES;

export interface Transition {
  readonly from: Phase;
  readonly cause: Cause;
  /** "gone" is no phase: this node knows the backend no longer. */
  readonly to: Phase | "gone";
}

const REPLACED = { cause: "another takes its place", to: "withdrawn" } as const;
const DROPPED = { cause: "the grace time is over and the preferred one in force", to: "withdrawn" } as const;
const PUBLISHED = { cause: "the store acknowledged a lease that names it", to: "published" } as const;

/** In each phase the first line that fits counts. */
export const TRANSITIONS: readonly Transition[] = [
  { from: "accepted", ...REPLACED },
  { from: "accepted", ...DROPPED },
  // The first lease of a node names all: nobody sends to it yet. So does what the store has of an earlier daemon.
  { from: "accepted", ...PUBLISHED },
  { from: "accepted", cause: "the desired state has it", to: "programmed" },

  { from: "programmed", ...REPLACED },
  { from: "programmed", ...DROPPED },
  { from: "programmed", ...PUBLISHED },
  { from: "programmed", cause: "kernel, effects, firewall and retained file have settled", to: "receiving" },

  { from: "receiving", ...REPLACED },
  { from: "receiving", ...DROPPED },
  { from: "receiving", ...PUBLISHED },
  { from: "receiving", cause: "one of them is unsettled again", to: "programmed" },

  { from: "published", ...REPLACED },
  { from: "published", ...DROPPED },
  {
    from: "published",
    cause: "a lease that names it was in the store for the propagation delay",
    to: "in force",
  },
  // As when the host does not suit it any more.
  { from: "published", cause: "the newest lease does not name it", to: "programmed" },

  { from: "in force", ...REPLACED },
  { from: "in force", cause: "the lease in force does not name it", to: "published" },
  { from: "in force", cause: "another is preferred and no path uses it", to: "unused" },

  { from: "unused", ...REPLACED },
  { from: "unused", ...DROPPED },
  { from: "unused", cause: "the lease in force does not name it", to: "published" },
  { from: "unused", cause: "a path uses it", to: "in force" },

  // Peers that have not read the newest lease may still send by it: kernel, effects and firewall have it until then.
  { from: "withdrawn", cause: "no lease names it", to: "gone" },
];

/** Where these facts take a backend. Facts cannot both move it on and back, so this ends. */
export function advance(phase: Phase, facts: Facts): Phase | "gone" {
  let current = phase;
  for (let steps = 0; steps < TRANSITIONS.length; steps++) {
    const next = TRANSITIONS.find(({ from, cause }) => from === current && CAUSES[cause](facts));
    if (next === undefined) return current;
    if (next.to === "gone") return "gone";
    current = next.to;
  }
  throw new RangeError(`the table of phases has a circle at ${JSON.stringify(current)}`);
}
