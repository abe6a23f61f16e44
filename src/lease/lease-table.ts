/** The leases of a network, updated entry by entry; unreadable entries are listed separately and logged once. */
import { messageOf } from "../runtime/error.ts";
import type { Log } from "../runtime/log.ts";
import type { Lease, LeaseSnapshot } from "./lease.ts";

/** A store full of junk gets this many log lines, and one more that the rest is not logged. */
const MAX_JUNK_LINES = 100;
const MAX_KEY_IN_LOG = 200;

export class LeaseTable {
  readonly #log: Log;
  readonly #leases = new Map<string, Lease>();
  readonly #junk = new Map<string, string>();
  /** Junk keys that were logged, with the reason, for as long as the key is junk. */
  readonly #logged = new Map<string, string>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** @param read returns the lease of this key, or throws why it is unreadable */
  put(key: string, read: () => Lease): void {
    try {
      // In its old place: leases in nearly the order of their claims are sorted in one walk.
      this.#leases.set(key, read());
      this.#forgetJunk(key);
    } catch (error) {
      this.#leases.delete(key);
      this.#junk.set(key, messageOf(error));
      this.#logOnce(key, messageOf(error));
    }
  }

  delete(key: string): void {
    this.#leases.delete(key);
    this.#forgetJunk(key);
  }

  /** Whether there is an entry, readable or not. */
  has(key: string): boolean {
    return this.#leases.has(key) || this.#junk.has(key);
  }

  /** The number of entries, readable or not. */
  get size(): number {
    return this.#leases.size + this.#junk.size;
  }

  #forgetJunk(key: string): void {
    this.#junk.delete(key);
    this.#logged.delete(key);
  }

  /** Deletes every key that is not in `keys`, as after a new listing. */
  retain(keys: ReadonlySet<string>): void {
    for (const key of [...this.#leases.keys(), ...this.#junk.keys()]) {
      if (!keys.has(key)) this.delete(key);
    }
  }

  snapshot(): LeaseSnapshot {
    return {
      leases: [...this.#leases.values()],
      junk: Array.from(this.#junk, ([key, reason]) => ({ key, reason })),
    };
  }

  #logOnce(key: string, reason: string): void {
    if (this.#logged.get(key) === reason || this.#logged.size > MAX_JUNK_LINES) return;
    this.#logged.set(key, reason);
    if (this.#logged.size > MAX_JUNK_LINES) {
      this.#log.warn({ op: "read-lease", code: "invalid-lease" }, "further unreadable leases not logged");
      return;
    }
    this.#log.warn(
      { op: "read-lease", code: "invalid-lease", key: key.slice(0, MAX_KEY_IN_LOG), reason },
      "unreadable lease ignored",
    );
  }
}
