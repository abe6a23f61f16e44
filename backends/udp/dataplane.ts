/** Runs the UDP data plane: opens a session for the desired forwarding, and reopens it when necessary. */
import { isDeepStrictEqual } from "node:util";
import { openLibc } from "../../src/kernel/libc/libc.ts";
import type { KernelState } from "../../src/kernel/state.ts";
import { Alarm } from "../../src/runtime/alarm.ts";
import { Backoff } from "../../src/runtime/backoff.ts";
import { messageOf } from "../../src/runtime/error.ts";
import type { JsonObject } from "../../src/runtime/json.ts";
import { linkedAbort } from "../../src/runtime/linked-abort.ts";
import type { EffectFault, Effector, EffectorSurroundings, SenderRefusals } from "../effector.ts";
import { COUNTER_NAMES, CounterTotals } from "./counters.ts";
import type { UdpForwarding } from "./forwarding.ts";
import type { ForwardingView } from "./forwarding-table.ts";
import { OpenFaultLog } from "./open-fault-log.ts";
import { PathMtus } from "./path-mtus.ts";
import { tunnelState } from "./plan.ts";
import type { SavedForwarding } from "./saved-forwarding.ts";
import { Session, type SessionOptions, type UdpSession } from "./session.ts";
import type { WorkerPoolOptions } from "./worker-pool.ts";
import type { WorkerReport } from "./worker-task.ts";

/** A deleted device is back within a few milliseconds; the back-off grows from there. */
const REOPEN = { firstMs: 10, maxMs: 2000 };
const PINNED_RETRY_MS = 1;
/** A worker pins a table for one batch, whose sends may block on a stalled interface; this is longer than that. */
const PINNED_TOO_LONG_MS = 1000;
const PINNED_TOO_LONG_RETRY_MS = 100;
/** Wake-up interval while nothing is due; far below a timer's maximum. */
const IDLE_MS = 60_000;
const NOT_OPEN = "the UDP data plane is not open yet";
const PINNED = "a UDP worker still uses the forwarding table before the last";

export type OpenSession = (forwarding: UdpForwarding, pool: WorkerPoolOptions) => Promise<UdpSession>;

export class UdpDataplane implements Effector<UdpForwarding> {
  readonly type = "udp";
  readonly condition = "dataplane";
  readonly pending = "the data plane is not running yet";
  readonly #openSession: OpenSession;
  readonly #surroundings: EffectorSurroundings;
  readonly #script: string;
  readonly #saved: SavedForwarding;
  readonly #alarm: Alarm;
  readonly #backoff: Backoff;
  readonly #openFaults: OpenFaultLog;
  readonly #listeners = new Set<() => void>();
  readonly #totals = new CounterTotals();
  readonly #pathMtus: PathMtus;
  #desired: UdpForwarding | null = null;
  #session: UdpSession | null = null;
  #opened: UdpForwarding | null = null;
  /** The desired forwarding that `#view` was computed from. */
  #viewed: UdpForwarding | null = null;
  #view: ForwardingView | null = null;
  #published: ForwardingView | null = null;
  /**
   * Since when a table has been waiting to be published, because a worker still reads the one that it would replace.
   */
  #pinnedSinceMs: number | null = null;
  #openFault: string | null = null;
  #poolFault: string | null = null;
  #isDeviceGone = false;
  #running: Promise<never> | null = null;

  /** @param parts `script` is the built worker; `openSession` replaces {@link Session.open} in tests */
  constructor(
    options: SessionOptions,
    surroundings: EffectorSurroundings,
    parts: {
      readonly script: string;
      readonly saved: SavedForwarding;
      readonly openSession?: OpenSession;
    },
  ) {
    this.#openSession =
      parts.openSession ??
      (async (forwarding, pool) =>
        Session.open(forwarding, options, await openLibc(), surroundings.random, pool));
    this.#surroundings = surroundings;
    this.#script = parts.script;
    this.#saved = parts.saved;
    this.#alarm = new Alarm(surroundings.clock);
    this.#pathMtus = new PathMtus(surroundings.clock);
    this.#backoff = new Backoff({ ...REOPEN, random: surroundings.random });
    this.#openFaults = new OpenFaultLog(surroundings);
  }

  /** This backend has one channel. */
  setDesired(effects: ReadonlyMap<string, UdpForwarding>): void {
    const [forwarding = null] = effects.values();
    this.#saved.save(forwarding);
    this.#desired = forwarding;
    this.#alarm.ring();
  }

  isApplied(): boolean {
    return this.#desired !== null && this.faults().length === 0;
  }

  faults(): readonly EffectFault[] {
    const isMissing = this.#desired !== null && this.#session === null;
    const openFault = this.#openFault ?? (isMissing ? NOT_OPEN : null);
    return [openFault, this.#poolFault].flatMap((reason) =>
      reason === null ? [] : { channel: null, reason },
    );
  }

  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  status(): JsonObject | null {
    const session = this.#session;
    if (session === null || this.#opened === null) return null;
    const { device, port } = this.#opened;
    const { tunOffload, hasGro, steppedDown, threadIds } = session;
    const counters = this.#totals.with(session.counters());
    return {
      type: "udp",
      iface: device,
      port,
      peers: this.#published?.peers.length ?? 0,
      tunOffload,
      gro: hasGro,
      steppedDown: [...steppedDown],
      threads: threadIds.length,
      workerDeaths: session.workerDeaths,
      counters: Object.fromEntries(COUNTER_NAMES.map((name) => [name, Number(counters[name])])),
    };
  }

  readonly refusals: SenderRefusals = {
    // A new session counts from 0.
    refusalCounts: async () => this.#session?.refused() ?? {},
    refusedSources: async (reason) => {
      const isOurs = reason === "unknown-peer" || reason === "foreign-source";
      return isOurs ? (this.#session?.takeRefusedSenders(reason) ?? []) : [];
    },
  };

  /**
   * Resumes the last process's forwarding; where that fails, `run` retries.
   * @param applyOnce creates the device, which was deleted with the last process, and its routes
   */
  async resume(applyOnce: (state: KernelState) => Promise<void>): Promise<void> {
    const loaded = await this.#saved.load();
    if (loaded === null) return;
    try {
      await applyOnce(tunnelState(loaded.tunnel));
    } catch (error) {
      const reason = messageOf(error);
      this.#surroundings.log.warn(
        { op: "udp-resume", reason },
        "UDP device not restored, the restart loses more packets",
      );
    }
    this.#desired = loaded;
    await this.#tryUpdate();
  }

  run(signal: AbortSignal): Promise<never> {
    this.#running ??= this.#work(signal).finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #work(signal: AbortSignal): Promise<never> {
    const ended = linkedAbort(signal);
    const parts = [this.#saved.run(ended.signal), this.#maintainSession(ended.signal)];
    // Both have to end first: a session that is still being opened must be known before it can be closed.
    await Promise.allSettled(parts.map((part) => part.catch((error: unknown) => ended.abort(error))));
    await this.#close();
    throw ended.signal.reason;
  }

  async #maintainSession(signal: AbortSignal): Promise<never> {
    for (;;) {
      const waitMs = await this.#tryUpdate();
      await this.#alarm.sleep(Math.max(0, Math.min(waitMs, this.#pathMtus.dueInMs)), signal);
    }
  }

  /** Ends the workers and closes everything; the device stays. */
  async #close(): Promise<void> {
    const session = this.#session;
    this.#session = null;
    this.#opened = null;
    this.#published = null;
    this.#pinnedSinceMs = null;
    // The next session has other workers, so their fault is cleared.
    this.#setFault("pool", null);
    if (session === null) return;
    await session.close();
    this.#totals.add(session.counters());
  }

  /** @returns milliseconds until the next update is due, unless the alarm rings before */
  async #tryUpdate(): Promise<number> {
    try {
      const waitMs = await this.#update();
      this.#backoff.reset();
      this.#openFaults.opened();
      return waitMs;
    } catch (error) {
      this.#openFaults.failed(error);
      this.#setFault("open", messageOf(error));
      return this.#backoff.nextMs();
    }
  }

  async #update(): Promise<number> {
    const desired = this.#desired;
    if (this.#session !== null && (desired === null || this.#isDeviceGone || !this.#fits(desired))) {
      await this.#close();
    }
    if (desired === null) {
      this.#setFault("open", null);
      return IDLE_MS;
    }
    this.#session ??= await this.#open(desired);
    const waitMs = await this.#publish(desired, this.#session);
    // A table that a worker still holds is not in force: an earlier fault lasts.
    const pending = this.#pinnedSinceMs === null ? null : this.#openFault;
    const fault = this.#isPinnedTooLong ? PINNED : pending;
    if (!this.#isDeviceGone && this.#openFault !== fault) this.#setFault("open", fault);
    return waitMs;
  }

  async #open(desired: UdpForwarding): Promise<UdpSession> {
    const { clock, log } = this.#surroundings;
    this.#isDeviceGone = false;
    // Before: its workers may die, and say so, as soon as they are started.
    this.#setFault("pool", null);
    const session = await this.#openSession(desired, {
      script: this.#script,
      clock,
      log,
      onReport: (report) => this.#onReport(report),
      onFault: (reason) => this.#setFault("pool", reason),
    });
    this.#session = session;
    this.#opened = desired;
    this.#published = desired.view;
    this.#setFault("open", null);
    const { tunOffload, hasGro } = session;
    const { device, port } = desired;
    const threads = session.threadIds.length;
    log.info(
      { op: "udp-open", iface: device, port, tunOffload, gro: hasGro, threads },
      "UDP data plane open",
    );
    return session;
  }

  async #publish(desired: UdpForwarding, session: UdpSession): Promise<number> {
    if (this.#viewed !== desired || this.#pathMtus.dueInMs <= 0) {
      this.#view = await this.#pathMtus.cut(desired.view);
      this.#viewed = desired;
    }
    const view = this.#view ?? desired.view;
    const isInForce = isDeepStrictEqual(view, this.#published);
    if (!isInForce && !session.publish(view)) {
      this.#pinnedSinceMs ??= this.#surroundings.clock.nowMs();
      return this.#isPinnedTooLong ? PINNED_TOO_LONG_RETRY_MS : PINNED_RETRY_MS;
    }
    this.#pinnedSinceMs = null;
    this.#published = view;
    return IDLE_MS;
  }

  get #isPinnedTooLong(): boolean {
    const { clock } = this.#surroundings;
    return this.#pinnedSinceMs !== null && clock.nowMs() - this.#pinnedSinceMs >= PINNED_TOO_LONG_MS;
  }

  #onReport(report: WorkerReport): void {
    const { log } = this.#surroundings;
    switch (report.kind) {
      case "stepped-down":
        log.warn({ op: "udp-offload", offload: report.offload, code: report.code }, "offload switched off");
        return;
      case "device-gone":
        this.#isDeviceGone = true;
        this.#setFault("open", `the TUN device is gone (${report.code})`);
        this.#alarm.ring();
        return;
      case "path-too-small":
        if (this.#pathMtus.suspect()) this.#alarm.ring();
        return;
    }
  }

  #fits(desired: UdpForwarding): boolean {
    const { device, port, localIps } = desired;
    const opened = this.#opened;
    return (
      opened !== null &&
      opened.device === device &&
      opened.port === port &&
      isDeepStrictEqual(opened.localIps, localIps)
    );
  }

  #setFault(which: "open" | "pool", reason: string | null): void {
    if (which === "open") this.#openFault = reason;
    else this.#poolFault = reason;
    for (const listener of this.#listeners) listener();
  }
}
