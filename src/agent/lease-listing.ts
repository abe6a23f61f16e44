/** Lists the leases on request, one listing at a time, independent of the watch that delivers snapshots. */
import type { Lease } from "../lease/lease.ts";
import type { LeaseStore } from "../lease/store.ts";
import { messageOf } from "../runtime/error.ts";
import { Latest } from "../runtime/latest.ts";

export type ListingEvent =
  | { readonly kind: "leases read"; readonly leases: readonly Lease[] }
  | { readonly kind: "leases not read"; readonly reason: string };

export class LeaseListing {
  readonly #store: Pick<LeaseStore, "list">;
  readonly #notify: (event: ListingEvent) => void;
  readonly #requests = new Latest<null>();

  constructor(store: Pick<LeaseStore, "list">, notify: (event: ListingEvent) => void) {
    this.#store = store;
    this.#notify = notify;
  }

  request(): void {
    this.#requests.put(null);
  }

  /** A listing that fails, for whatever reason, is an outcome: what was to be confirmed then is not. */
  async run(signal: AbortSignal): Promise<never> {
    for (;;) {
      await this.#requests.take(signal);
      this.#notify(await this.#list(signal));
    }
  }

  async #list(signal: AbortSignal): Promise<ListingEvent> {
    try {
      return { kind: "leases read", leases: await this.#store.list(signal) };
    } catch (error) {
      signal.throwIfAborted();
      return { kind: "leases not read", reason: messageOf(error) };
    }
  }
}
