import type { DaemonProgram } from "../../src/lab/daemon.ts";
import type { TimePromise } from "./promise.ts";

/** The environment of a group's measurements. */
export interface Bench {
  /** The built daemon, without flags beyond those of a lab. */
  readonly program: DaemonProgram;
  readonly rounds: number;
  readonly signal: AbortSignal;
  /** Records one sample. */
  note(promise: TimePromise, ms: number): void;
}

/** Promises that are measured with one set-up or with similar ones. */
export interface PromiseGroup {
  readonly name: string;
  /** @throws when it could not measure; samples recorded before still count */
  measure(bench: Bench): Promise<void>;
}

/** A share of the rounds, at least one, for measurements that are slower or faster than the others. */
export function roundsOf({ rounds }: Pick<Bench, "rounds">, share: number): number {
  return Math.max(1, Math.round(rounds * share));
}
