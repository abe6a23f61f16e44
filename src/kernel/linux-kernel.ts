import type { Ip } from "../net/index.ts";
import { type Clock, systemClock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import type { Kernel, KernelChange } from "./kernel.ts";
import { openLibc } from "./libc/libc.ts";
import { applyOperations, type DirectEffects } from "./netlink/apply.ts";
import { EventFeed } from "./netlink/event-feed.ts";
import { EVENT_GROUPS } from "./netlink/event-stream.ts";
import { LinkTable } from "./netlink/link-table.ts";
import { LinuxTransport } from "./netlink/linux-transport.ts";
import { findLink, findRoute } from "./netlink/lookup.ts";
import { dumpLinks, observe } from "./netlink/observe.ts";
import { observeRules } from "./netlink/observe-rules.ts";
import { ReopeningTransport } from "./netlink/reopening-transport.ts";
import { RequestSocket } from "./netlink/request-socket.ts";
import type { EventTransport, RequestTransport } from "./netlink/transport.ts";
import type { ObservedRule, ObservedState } from "./observed.ts";
import type { Operation, Outcome } from "./operation.ts";
import { writeSysctl } from "./sysctl.ts";
import { HeldTuns } from "./tun.ts";

/** Far more than the acknowledgements of one send need. */
const REQUEST_BUFFER_BYTES = 4 * 1024 * 1024;
/** Enough for 15,000 changes before the next read; the kernel allocates only what it uses. */
const EVENT_BUFFER_BYTES = 16 * 1024 * 1024;

/** Index of the first device in every network namespace. */
const LOOPBACK = 1;

/** How {@link LinuxKernel} accesses Linux. */
export interface KernelAccess extends DirectEffects {
  readonly requests: RequestTransport;
  /** Closes objects that exist only while they are open. */
  release?(): void;
  openEvents(): EventTransport;
}

/** The kernel of one network namespace, through netlink, ioctl and /proc/sys. */
export class LinuxKernel implements Kernel {
  readonly #access: KernelAccess;
  readonly #requests: RequestSocket;
  readonly #clock: Clock;
  readonly #log: Log;

  constructor(access: KernelAccess, options: { clock: Clock; log: Log }) {
    this.#access = access;
    this.#requests = new RequestSocket(access.requests, options.clock);
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /**
   * Opens the kernel of the main thread's network namespace; its netlink sockets stay in it. All but reading needs
   * CAP_NET_ADMIN.
   *
   * @throws TweedError with the errno's name for a code
   */
  static async open(options: { clock?: Clock; log: Log }): Promise<LinuxKernel> {
    const libc = await openLibc();
    const tuns = new HeldTuns(libc);
    const access: KernelAccess = {
      requests: new ReopeningTransport(() =>
        LinuxTransport.open(libc, { groups: 0, receiveBufferBytes: REQUEST_BUFFER_BYTES }),
      ),
      openEvents: () =>
        LinuxTransport.open(libc, { groups: EVENT_GROUPS, receiveBufferBytes: EVENT_BUFFER_BYTES }),
      createTun: (link) => tuns.create(link),
      release: () => tuns.close(),
      writeSysctl,
    };
    return new LinuxKernel(access, { clock: options.clock ?? systemClock, log: options.log });
  }

  observe(): Promise<ObservedState> {
    return observe(this.#requests);
  }

  async observeRules(): Promise<readonly ObservedRule[]> {
    const links = new LinkTable();
    links.replace(await dumpLinks(this.#requests));
    return observeRules(this.#requests, links);
  }

  async ping(): Promise<void> {
    await findLink(this.#requests, { index: LOOPBACK });
  }

  apply(operations: readonly Operation[]): Promise<readonly Outcome[]> {
    return applyOperations(this.#requests, this.#access, operations);
  }

  routeTo(ip: Ip): ReturnType<Kernel["routeTo"]> {
    return findRoute(this.#requests, ip);
  }

  async subscribe(onChange: (change: KernelChange) => void, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const feed = new EventFeed({
      source: { open: () => this.#access.openEvents(), listLinks: () => dumpLinks(this.#requests) },
      onChange,
      clock: this.#clock,
      log: this.#log,
    });
    // Runs until the signal aborts and never rejects: it handles its own failures.
    void feed.run(await feed.connect(), signal);
  }

  /** Closes the request socket and deletes the TUN devices that were made here. Subscriptions end by their signals. */
  close(): void {
    this.#access.release?.();
    this.#requests.close();
  }
}
