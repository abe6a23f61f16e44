/**
 * What a backend needs beyond kernel objects is an effect: plain data that its plan returns beside the kernel state. The
 * effector of the backend makes effects so: threads that carry packets, routes in a cloud's table. Like the reconciler it is
 * given the whole of what shall be, works at its own pace, and reports what is not so yet.
 */
import type { KernelState } from "../src/kernel/state.ts";
import type { Ip } from "../src/net/index.ts";
import type { Clock } from "../src/runtime/clock.ts";
import type { Files } from "../src/runtime/files.ts";
import type { JsonObject } from "../src/runtime/json.ts";
import type { Log } from "../src/runtime/log.ts";
import type { Random } from "../src/runtime/random.ts";

export interface Effector<Effect = unknown> {
  /** Of the backend whose effects these are. */
  readonly type: string;

  /** Its condition of readiness, by the name that /readyz, /status and metrics have for it. */
  readonly condition: string;

  /** Why the condition does not hold at the start, and while an effect is under way without a fault. */
  readonly pending: string;

  /** From now on, by channel; an empty map to do nothing and hold nothing open. Returns at once and never throws. */
  setDesired(effects: ReadonlyMap<string, Effect>): void;

  /** Whether the effect that is desired for this channel is in force. */
  isApplied(channel: string): boolean;

  /** What is in the way of the desired effects; empty while all of them are in force or merely under way. */
  faults(): readonly EffectFault[];

  /** Its part of the status document; null while it does nothing. No secrets: the page is open to the network. */
  status(): JsonObject | null;

  /** Calls back whenever {@link isApplied} or {@link faults} may have changed. */
  onChange(listener: () => void): void;

  /** Works until the signal aborts, then rejects with its reason. A fault of an effect does not end it. */
  run(signal: AbortSignal): Promise<never>;

  /**
   * Before `run`, for one whose effects went with the last process: takes up from a file what that process did, until
   * the first desired state is known.
   * @param applyOnce makes kernel objects that it stands on
   */
  resume?(applyOnce: (state: KernelState) => Promise<void>): Promise<void>;

  /** For one that checks the senders of packets itself: what it refused. */
  readonly refusals?: SenderRefusals;
}

export interface EffectFault {
  /** null when it is in the way of every channel. */
  readonly channel: string | null;
  readonly reason: string;
}

/** By reasons of the packet filter, such as `unknown-peer`. */
export interface SenderRefusals {
  refusalCounts(): Promise<Readonly<Record<string, { readonly packets: number }>>>;
  /** Outer addresses of refused senders since the last call, some of them where there are many. */
  refusedSources(reason: string): Promise<readonly Ip[]>;
}

export interface EffectorSurroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** What an effector may be made from. */
export interface EffectorContext extends EffectorSurroundings {
  readonly files: Files;
  /** Where it may keep files across restarts; a reboot clears it. */
  readonly directory: string;
  /** Where the scripts of its worker threads are, built beside the daemon. */
  readonly programDirectory: string;
  /** Flags of the data plane of `udp`. */
  readonly udp: { readonly queues: number; readonly offload: "auto" | "off" };
}

/** How the daemon makes an effector, and what remains of one. */
export interface EffectorKind {
  /** Names of files that it keeps in the directory, for clean-up. */
  readonly files: readonly string[];
  create(context: EffectorContext): Effector;
}
