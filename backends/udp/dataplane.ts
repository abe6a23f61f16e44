/** Runs the UDP data plane: opens a session for what is desired, and opens it anew whenever it has to be. */
import { isDeepStrictEqual } from "node:util";
import type { Libc } from "../../src/kernel/libc/libc.ts";
import { openLibc } from "../../src/kernel/libc/libc.ts";
import { type LookUpPathMtu, openPathMtuLookup } from "../../src/kernel/path-mtu.ts";
import { familyOf } from "../../src/net/index.ts";
import { Backoff } from "../../src/runtime/backoff.ts";
import { isRetryable, messageOf } from "../../src/runtime/error.ts";
import type { Dataplane, DataplaneSurroundings } from "../dataplane.ts";
import { addCounters, type Counters, readCounters } from "./counters.ts";
import type { UdpForwarding } from "./forwarding.ts";
import type { ForwardingView, Remote } from "./forwarding-table.ts";
import { OUTER_BYTES } from "./options.ts";
import { Session, type SessionOptions } from "./session.ts";
import type { WorkerReport } from "./worker-task.ts";

/** A device that vanished is back within a few milliseconds; longer waits come by themselves. */
const REOPEN = { firstMs: 10, maxMs: 2000 };
const PINNED_RETRY_MS = 1;
/** The kernel forgets what routers told it after ten minutes (net.ipv4.route.mtu_expires). */
const PATH_CHECK_MS = 60_000;
const PATH_CHECK_LEAST_MS = 200;

export class UdpDataplane implements Dataplane {
  readonly #options: SessionOptions;
  readonly #surroundings: DataplaneSurroundings;
  readonly #script: string;
  readonly #listeners = new Set<() => void>();
  #desired: UdpForwarding | null = null;
  #session: Session | null = null;
  #opened: UdpForwarding | null = null;
  #published: ForwardingView | null = null;
  #openFault: string | null = null;
  #crewFault: string | null = null;
  #isDeviceGone = false;
  #pathCheckDueMs = Number.POSITIVE_INFINITY;
  #wake: () => void = () => {};

  /** @param script the built worker */
  constructor(options: SessionOptions, surroundings: DataplaneSurroundings, script: string) {
    this.#options = options;
    this.#surroundings = surroundings;
    this.#script = script;
  }

  setDesired(forwarding: UdpForwarding | null): void {
    this.#desired = forwarding;
    this.#wake();
  }

  faults(): readonly string[] {
    return [this.#openFault, this.#crewFault].filter((fault) => fault !== null);
  }

  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Of all lanes of the present session; null while none is open. */
  counters(): Counters | null {
    const { shared } = this.#session ?? {};
    if (shared === undefined) return null;
    return addCounters(shared.lanes.map((_, lane) => readCounters(shared.memory, lane)));
  }

  async run(signal: AbortSignal): Promise<never> {
    const { clock, random } = this.#surroundings;
    const libc = await openLibc();
    const lookUp = await openPathMtuLookup();
    const backoff = new Backoff({ ...REOPEN, random });
    try {
      for (;;) {
        signal.throwIfAborted();
        let waitMs = Number.POSITIVE_INFINITY;
        try {
          waitMs = await this.#turn(libc, lookUp);
          if (this.#session !== null) backoff.reset();
        } catch (error) {
          if (!isRetryable(error)) this.#log("open", messageOf(error));
          this.#setFault("open", messageOf(error));
          waitMs = backoff.nextMs();
        }
        await this.#sleep(Math.min(waitMs, this.#pathCheckDueMs - clock.nowMs()), signal);
      }
    } finally {
      await this.#close();
    }
  }

  /** @returns how long nothing needs doing */
  async #turn(libc: Libc, lookUp: LookUpPathMtu): Promise<number> {
    const desired = this.#desired;
    if (this.#session !== null && (desired === null || this.#isDeviceGone || !this.#fits(desired))) {
      await this.#close();
    }
    if (desired === null) {
      this.#setFault("open", null);
      return Number.POSITIVE_INFINITY;
    }
    if (this.#session === null) await this.#open(desired, libc);
    return this.#publish(desired, lookUp);
  }

  async #open(desired: UdpForwarding, libc: Libc): Promise<void> {
    const { clock, log, random } = this.#surroundings;
    this.#isDeviceGone = false;
    const session = await Session.open(desired, this.#options, libc, random, {
      script: this.#script,
      clock,
      log,
      onReport: (report) => this.#hear(report),
      onTrouble: (reason) => this.#setFault("crew", reason),
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
  }

  #publish(desired: UdpForwarding, lookUp: LookUpPathMtu): number {
    const { clock } = this.#surroundings;
    const isCheckDue = clock.nowMs() >= this.#pathCheckDueMs;
    if (isCheckDue) this.#pathCheckDueMs = clock.nowMs() + PATH_CHECK_MS;
    const isChecking = this.#pathCheckDueMs < Number.POSITIVE_INFINITY;
    const view = isChecking ? withPathMtus(desired.view, lookUp) : desired.view;
    if (isDeepStrictEqual(view, this.#published)) return Number.POSITIVE_INFINITY;
    if (this.#session?.publish(view) !== true) return PINNED_RETRY_MS;
    this.#published = view;
    return Number.POSITIVE_INFINITY;
  }

  #hear(report: WorkerReport): void {
    const { clock, log } = this.#surroundings;
    switch (report.kind) {
      case "stepped-down":
        log.warn({ op: "udp-offload", offload: report.offload, code: report.code }, "offload switched off");
        return;
      case "device-gone":
        this.#isDeviceGone = true;
        this.#setFault("open", `the TUN device is gone (${report.code})`);
        this.#wake();
        return;
      case "path-too-small":
        this.#pathCheckDueMs = Math.min(this.#pathCheckDueMs, clock.nowMs() + PATH_CHECK_LEAST_MS);
        this.#wake();
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

  async #close(): Promise<void> {
    const session = this.#session;
    this.#session = null;
    this.#opened = null;
    this.#published = null;
    await session?.close();
  }

  #setFault(which: "open" | "crew", reason: string | null): void {
    if (which === "open") this.#openFault = reason;
    else this.#crewFault = reason;
    for (const listener of this.#listeners) listener();
  }

  #log(op: string, reason: string): void {
    this.#surroundings.log.error({ op: `udp-${op}`, reason }, "UDP data plane cannot work");
  }

  /** Until something is desired or reported, the time is over, or the signal aborts. */
  #sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const timer = ms === Number.POSITIVE_INFINITY ? null : setTimeout(() => done(), Math.max(0, ms));
      const done = () => {
        if (timer !== null) clearTimeout(timer);
        signal.removeEventListener("abort", done);
        this.#wake = () => {};
        resolve();
      };
      this.#wake = done;
      signal.addEventListener("abort", done, { once: true });
    });
  }
}

/** The same view with each remote's MTU cut to what the kernel has learnt of the way there. */
function withPathMtus(view: ForwardingView, lookUp: LookUpPathMtu): ForwardingView {
  const cut = (remote: Remote): Remote => {
    const pathMtuBytes = lookUp(remote.ip);
    if (pathMtuBytes === null) return remote;
    const mtuBytes = Math.min(remote.mtuBytes, pathMtuBytes - OUTER_BYTES[familyOf(remote.ip)]);
    return { ...remote, mtuBytes };
  };
  const peers = view.peers.map((peer) => ({
    paths: peer.paths.map((path) => ({ ...path, remote: cut(path.remote) })),
  }));
  return { ...view, peers };
}
