/**
 * The part of a userspace backend that carries packets. Like the reconciler it is told the whole of what shall be,
 * and makes it so; the backend itself stays a pure function.
 */
import type { Clock } from "../src/runtime/clock.ts";
import type { JsonObject } from "../src/runtime/json.ts";
import type { Log } from "../src/runtime/log.ts";
import type { Random } from "../src/runtime/random.ts";
import type { UdpForwarding } from "./udp/forwarding.ts";

/** What a data plane shall do, as plain data. One member for each userspace backend. */
export type Forwarding = UdpForwarding;

export interface Dataplane {
  /** From now on; null to carry nothing and hold nothing open. */
  setDesired(forwarding: Forwarding | null): void;

  /** Works until the signal aborts, then rejects with its reason. A second call joins the first. */
  run(signal: AbortSignal): Promise<never>;

  /** Why it does not carry packets as desired, empty when it does. */
  faults(): readonly string[];

  /** What it carries and how, with its counters, for the status document; null while it carries nothing. */
  status(): JsonObject | null;

  /** Calls back whenever {@link faults} may have changed. */
  onChange(listener: () => void): void;
}

export interface DataplaneSurroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}
