import type { DaemonProgram } from "../../src/lab/daemon.ts";
import type { TimePromise } from "./promise.ts";

/** What a group measures with. */
export interface Bench {
  /** The daemon as it was built, without flags beyond those of a lab. */
  readonly program: DaemonProgram;
  readonly rounds: number;
  readonly signal: AbortSignal;
  /** Takes down one sample. */
  note(promise: TimePromise, ms: number): void;
}

/** Promises that are measured with one set-up or with similar ones. */
export interface PromiseGroup {
  readonly name: string;
  /** @throws what it could not measure; samples that it had noted before count */
  measure(bench: Bench): Promise<void>;
}

/** For what takes longer or less long than the others: a share of the rounds, at least one. */
export function roundsOf({ rounds }: Pick<Bench, "rounds">, share: number): number {
  return Math.max(1, Math.round(rounds * share));
}
