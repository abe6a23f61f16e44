/** A fault of the catalogue, and what it needs to be done to a lab. */
import type { Lab } from "../../src/lab/lab.ts";
import type { LabNode } from "../../src/lab/topology.ts";
import type { Random } from "../../src/runtime/random.ts";
import type { KernelFeature } from "../smoke/kernel-feature.ts";

/** What carries packets, and where leases are. */
export interface Setting {
  readonly backend: string;
  readonly store: "file" | "etcd" | "kubernetes";
}

export interface Stage extends Setting {
  readonly lab: Lab;
  /** The node that is hit, or that is hit first. */
  readonly victim: LabNode;
  /** The nodes that may be hit. */
  readonly candidates: readonly LabNode[];
  readonly random: Random;
  /** Rejects when the run is stopped. */
  readonly sleep: (ms: number) => Promise<void>;
}

export interface Fault {
  readonly title: string;
  /** Nothing that happens to daemons or the store costs a packet where the kernel forwards. */
  readonly hits: "daemon" | "store" | "underlay" | "kernel state";
  /** The victim's daemon ends meanwhile. */
  readonly restarts?: boolean;
  /** Several nodes are hit, so no pair of pods is untouched. */
  readonly isWide?: boolean;
  /** The clock of this victim can be set. */
  readonly needsClock?: boolean;
  readonly needs?: readonly KernelFeature[];
  readonly appliesTo?: (setting: Setting) => boolean;
  /** Resolves when the fault is over; what it leaves behind is to be repaired from then on. */
  readonly inflict: (stage: Stage) => Promise<void>;
}

/** Backends whose packets the kernel forwards, whatever happens to the daemon. */
export function isForwardedByKernel(backend: string): boolean {
  return backend !== "udp";
}

/** Begins, waits, and ends also when the wait fails. */
export async function lasting(
  { sleep }: Pick<Stage, "sleep">,
  ms: number,
  begin: () => Promise<void>,
  end: () => Promise<void>,
): Promise<void> {
  try {
    await begin();
    await sleep(ms);
  } finally {
    await end();
  }
}
