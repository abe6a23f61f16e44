/**
 * An effect is what a backend needs beyond kernel objects: plain data that its plan returns beside the kernel state.
 * The backend's effector applies effects: threads that carry packets, routes in a cloud's table. Like the reconciler it
 * receives the complete desired state, works at its own pace, and reports what it has not applied yet.
 */
import type { KernelState } from "../src/kernel/state.ts";
import type { Ip } from "../src/net/index.ts";
import type { Clock } from "../src/runtime/clock.ts";
import type { Files } from "../src/runtime/files.ts";
import type { JsonObject } from "../src/runtime/json.ts";
import type { Log } from "../src/runtime/log.ts";
import type { Random } from "../src/runtime/random.ts";

export interface Effector<Effect = unknown> {
  /** The type of the backend whose effects it applies. */
  readonly type: string;

  /** Name of its readiness condition in /readyz, /status and the metrics. */
  readonly condition: string;

  /** Why the condition does not hold at the start, and while an effect is being applied without a fault. */
  readonly pending: string;

  /**
   * Sets the desired effects, by channel. With an empty map it stops and closes everything. Returns at once and never
   * throws.
   */
  setDesired(effects: ReadonlyMap<string, Effect>): void;

  /** Whether the desired effect of this channel is in force. */
  isApplied(channel: string): boolean;

  /** Why desired effects are not in force; empty while all of them are in force or being applied. */
  faults(): readonly EffectFault[];

  /** Its part of the status document; null while it is idle. No secrets: the page is open to the network. */
  status(): JsonObject | null;

  /** Calls back whenever {@link isApplied} or {@link faults} may have changed. */
  onChange(listener: () => void): void;

  /** Applies effects until the signal aborts, then rejects with its reason. A fault of an effect does not end it. */
  run(signal: AbortSignal): Promise<never>;

  /**
   * For an effector whose effects end with its process. Called before `run`: restores from a file what the last process
   * applied, until the first desired state is known.
   * @param applyOnce creates the kernel objects that the effects need
   */
  resume?(applyOnce: (state: KernelState) => Promise<void>): Promise<void>;

  /** For an effector that checks the senders of packets itself: what it refused. */
  readonly refusals?: SenderRefusals;
}

export interface EffectFault {
  /** null when it affects every channel. */
  readonly channel: string | null;
  readonly reason: string;
}

/** By reason, as in the packet filter: `unknown-peer`. */
export interface SenderRefusals {
  refusalCounts(): Promise<Readonly<Record<string, { readonly packets: number }>>>;
  /** Outer addresses of senders refused since the last call; a sample where there are many. */
  refusedSources(reason: string): Promise<readonly Ip[]>;
}

export interface EffectorSurroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** What an effector is made from. */
export interface EffectorContext extends EffectorSurroundings {
  readonly files: Files;
  /** Where it may store files across restarts; a reboot clears it. */
  readonly directory: string;
  /** Directory with the scripts of its worker threads, built beside the daemon. */
  readonly programDirectory: string;
  /** Flags of the data plane of `udp`. */
  readonly udp: { readonly queues: number; readonly offload: "auto" | "off" };
}

/** How the daemon makes an effector, and which files it leaves. */
export interface EffectorKind {
  /** Names of its files in the directory, for clean-up. */
  readonly files: readonly string[];
  create(context: EffectorContext): Effector;
}
