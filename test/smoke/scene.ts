/** A lab, and what is checked in it one after the other. */
import type { Lab } from "../../src/lab/lab.ts";
import type { LabSpec } from "../../src/lab/topology.ts";
import type { KernelFeature } from "./kernel-feature.ts";

export interface Check {
  readonly title: string;
  /** Beyond what the lab needs. */
  readonly needs?: readonly KernelFeature[];
  /** @returns what was seen, for the reader; @throws when it is not as it should be */
  readonly run: (lab: Lab, signal: AbortSignal) => Promise<string>;
}

export interface Scene {
  readonly spec: LabSpec;
  /** Flags of every daemon. */
  readonly flags: readonly string[];
  /** Without these there is no such lab. */
  readonly needs: readonly KernelFeature[];
  readonly checks: readonly Check[];
}
