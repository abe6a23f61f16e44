/** A seeded series of requests to an etcd, and what it answered: to compare two of them. */
import type {
  ICompare,
  IDuplexStream,
  IPutRequest,
  IRangeRequest,
  IRequestOp,
  IWatchRequest,
  IWatchResponse,
} from "etcd3";
import type { Random } from "../../../src/runtime/random.ts";
import { plain } from "./plain-answer.ts";
import { renewOnce } from "./renew-once.ts";
import type { SimulatedClient } from "./simulated-client.ts";

const KEYS = ["a", "a/1", "a/2", "b", "b/1", "c"];
const LEASES = ["11", "12", "13"];
/** Written to see that a watch has caught up. */
const SENTINEL = "a/~";

/** Waits until the condition holds. */
export type Until = (isThere: () => boolean) => Promise<void>;

interface OpenWatch {
  readonly stream: IDuplexStream<IWatchRequest, IWatchResponse>;
  readonly responses: IWatchResponse[];
}

export class RequestScript {
  readonly #client: SimulatedClient;
  readonly #random: Random;
  readonly #until: Until;
  readonly #watches: OpenWatch[] = [];
  #revision = 1;
  readonly transcript: unknown[] = [];

  constructor(client: SimulatedClient, random: Random, until: Until) {
    this.#client = client;
    this.#random = random;
    this.#until = until;
  }

  async run(requests: number): Promise<readonly unknown[]> {
    for (let count = 0; count < requests; count++) await this.#next();
    await this.#sentinel(this.#watches);
    for (const { stream, responses } of this.#watches) {
      stream.end();
      stream.cancel();
      this.transcript.push({ watch: transcriptOf(responses) });
    }
    return this.transcript;
  }

  async #next(): Promise<void> {
    const { kv, leaseClient } = this.#client;
    const below = (limit: number) => this.#random.below(limit);
    const choice = below(100);
    if (choice < 22) await this.#record("put", this.#put(), (request) => kv.put(request));
    else if (choice < 48) await this.#record("range", this.#range(), (request) => kv.range(request));
    else if (choice < 56) await this.#record("delete", this.#span(), (request) => kv.deleteRange(request));
    else if (choice < 74) await this.#record("txn", this.#txn(), (request) => kv.txn(request));
    else if (choice < 78)
      await this.#record("compact", { revision: this.#someRevision(), physical: true }, (request) =>
        kv.compact(request),
      );
    else if (choice < 82) {
      const grant = { ID: this.#pick(LEASES), TTL: 100_000 + below(5) };
      await this.#record("grant", grant, (request) => leaseClient.leaseGrant(request));
    } else if (choice < 85)
      await this.#record("revoke", { ID: this.#pick(LEASES) }, (request) => leaseClient.leaseRevoke(request));
    else if (choice < 88)
      await this.#record("time to live", { ID: this.#pick(LEASES), keys: true }, async (request) => {
        const answer = await leaseClient.leaseTimeToLive(request);
        // The rest depends on how fast the requests are, and etcd gives the keys in any order.
        return { ...answer, TTL: Number(answer.TTL) > 0, keys: answer.keys.map(String).sort() };
      });
    else if (choice < 91)
      await this.#record("keep alive", { ID: this.#pick(LEASES) }, ({ ID }) => renewOnce(this.#client, ID));
    else if (this.#watches.length < 40) await this.#watch();
  }

  async #record<R>(name: string, request: R, send: (request: R) => Promise<unknown>): Promise<void> {
    let outcome: unknown;
    try {
      outcome = await send(request);
      const revision = (outcome as { header?: { revision?: string } }).header?.revision;
      this.#revision = Math.max(this.#revision, Number(revision ?? 0));
    } catch (error) {
      outcome = { error: error instanceof Error ? error.message : String(error) };
    }
    this.transcript.push(plain({ name, request, outcome }));
  }

  async #watch(): Promise<void> {
    const stream = await this.#client.watchClient.watch();
    const responses: IWatchResponse[] = [];
    const opened = { stream, responses };
    stream.on("data", (response) => responses.push(response)).on("error", () => undefined);
    const start = this.#random.below(4) === 0 ? 0 : this.#someRevision();
    stream.write({ create_request: { ...this.#span(), start_revision: String(start) } });
    this.transcript.push({ name: "watch", start });
    await this.#until(() => responses.length > 0);
    this.#watches.push(opened);
    await this.#sentinel([opened]);
  }

  /** Waits until the watches have all there is, or are cancelled: a later compaction must not race with them. */
  async #sentinel(watches: readonly OpenWatch[]): Promise<void> {
    const put = { key: Buffer.from(SENTINEL), value: Buffer.from("") };
    await this.#record("sentinel", put, (request) => this.#client.kv.put(request));
    const probe = await this.#client.watchClient.watch();
    const seen: IWatchResponse[] = [];
    probe.on("data", (response) => seen.push(response)).on("error", () => undefined);
    // A watch of all keys that resumes at the sentinel is synchronised after those that were there before.
    probe.write({
      create_request: { key: Buffer.of(0), range_end: Buffer.of(0), start_revision: String(this.#revision) },
    });
    await this.#until(() => seen.some(({ events }) => events.length > 0));
    probe.end();
    probe.cancel();
    for (const { responses } of watches) {
      const expected = responses.length;
      if (expected === 0) throw new Error("a watch was not confirmed");
    }
  }

  #pick<T>(items: readonly T[]): T {
    const item = items[this.#random.below(items.length)];
    if (item === undefined) throw new RangeError("nothing to pick from");
    return item;
  }

  #key(): Buffer {
    return Buffer.from(this.#random.below(40) === 0 ? "" : this.#pick(KEYS));
  }

  #span(): { readonly key: Buffer; readonly range_end?: Buffer } {
    switch (this.#random.below(5)) {
      case 0:
        return { key: Buffer.from("a"), range_end: Buffer.from("b") };
      case 1:
        return { key: Buffer.from("a/"), range_end: Buffer.of(0) };
      default:
        return { key: this.#key() };
    }
  }

  /** Past, compacted, present and future ones. */
  #someRevision(): number {
    return Math.max(1, this.#revision + 2 - this.#random.below(this.#random.below(2) === 0 ? 8 : 40));
  }

  #put(): IPutRequest {
    const value = Buffer.from(String(this.#random.below(5)));
    const lease = this.#random.below(3) === 0 ? { lease: this.#pick(LEASES) } : {};
    return { key: this.#key(), value, ...lease };
  }

  #range(): IRangeRequest {
    const flags = this.#random.below(10);
    return {
      ...this.#span(),
      ...(this.#random.below(3) === 0 ? { revision: String(this.#someRevision()) } : {}),
      ...(this.#random.below(3) === 0 ? { limit: 1 + this.#random.below(3) } : {}),
      ...(this.#random.below(3) === 0
        ? { sort_order: this.#pick(["None", "Ascend", "Descend"] as const) }
        : {}),
      ...(this.#random.below(3) === 0
        ? { sort_target: this.#pick(["Key", "Version", "Create", "Mod", "Value"] as const) }
        : {}),
      ...(this.#random.below(4) === 0 ? { min_mod_revision: String(this.#someRevision()) } : {}),
      ...(flags === 0 ? { keys_only: true } : flags === 1 ? { count_only: true } : {}),
    };
  }

  #txn() {
    const several = <T>(most: number, make: () => T) =>
      Array.from({ length: this.#random.below(most + 1) }, make);
    return {
      compare: several(2, () => this.#compare()),
      success: several(3, () => this.#operation()),
      failure: several(2, () => this.#operation()),
    };
  }

  #compare(): ICompare {
    const result = this.#pick(["Equal", "NotEqual", "Greater", "Less"] as const);
    const target = this.#pick(["Version", "Create", "Mod", "Value"] as const);
    const number = this.#random.below(2) === 0 ? 0 : this.#someRevision();
    const operand = {
      Version: { version: this.#random.below(3) },
      Create: { create_revision: number },
      Mod: { mod_revision: number },
      Value: { value: Buffer.from(String(this.#random.below(5))) },
    }[target];
    return { ...this.#span(), result, target, ...operand };
  }

  #operation(): IRequestOp {
    switch (this.#random.below(4)) {
      case 0:
        return { request_range: this.#range() };
      case 1:
        return { request_delete_range: this.#span() };
      default:
        return { request_put: this.#put() };
    }
  }
}

/** Without the borders between answers, which depend on when etcd's loop comes round. */
function transcriptOf(responses: readonly IWatchResponse[]): unknown {
  const controls = responses.filter(({ created, canceled }) => created || canceled);
  return plain({ controls, events: responses.flatMap(({ events }) => events) });
}
