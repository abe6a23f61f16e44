import { isDeepStrictEqual } from "node:util";
import { TweedError } from "../../../runtime/error.ts";
import type { Commit } from "./ruleset-watch.ts";
import {
  changeElements,
  rebuildTable,
  refillSet,
  removeTable,
  replaceTable,
  takeOverTable,
} from "./script.ts";
import { type NftTable, type NftTableId, tableKey } from "./table.ts";

export interface NftablesAccess {
  /** Carries a script out as one transaction. @throws TweedError `nft-refused`, `program-missing` */
  run(script: string, signal: AbortSignal): Promise<void>;
  /** The number of the last transaction in this network namespace; the kernel counts them. */
  generation(): Promise<number>;
}

/** A table that is ours, and what it shall hold; null for a table that shall not be. */
export interface WantedTable {
  readonly id: NftTableId;
  readonly table: NftTable | null;
}

/**
 * Keeps tables as they are wanted. It never reads them: it writes each whole at the start, and again when somebody
 * else's transaction has touched it. Between two such events there is nothing to do, and nothing is done.
 */
export class NftablesWriter {
  readonly #access: NftablesAccess;
  /** What a table holds by all that was heard; absent when that is not known. */
  readonly #known = new Map<string, NftTable | null>();
  /** Tables that this process has written: what another one left is taken over instead of replaced. */
  readonly #written = new Set<string>();
  readonly #heard: Commit[] = [];
  /** Numbers of our own transactions that were not heard of yet. */
  readonly #own = new Set<number>();
  #lastOwn: number | null = null;
  #hasLost = true;

  constructor(access: NftablesAccess) {
    this.#access = access;
  }

  hear(commit: Commit): void {
    this.#heard.push(commit);
  }

  lose(): void {
    this.#hasLost = true;
  }

  /** Writes what differs. @returns how many tables were written */
  async reconcile(wanted: readonly WantedTable[], signal: AbortSignal): Promise<number> {
    await this.#takeNews();
    let written = 0;
    for (const { id, table } of wanted) {
      const scripts = this.#changeOf({ id, table }).filter((lines) => lines.length > 0);
      if (scripts.length === 0) continue;
      const isFirst = !this.#written.has(tableKey(id));
      // Until all of it is known to be through, what the table holds is not.
      this.#known.delete(tableKey(id));
      const isTakenOver = isFirst && table !== null && (await this.#takeOver(table, signal));
      if (!isTakenOver) for (const lines of scripts) await this.#commit(lines, signal);
      this.#known.set(tableKey(id), table);
      this.#written.add(tableKey(id));
      written += 1;
    }
    return written;
  }

  /** Fills a set of a table that stands anew, in one step; what else is known of the table stays true. */
  async refill(id: NftTableId, set: string, elements: readonly string[], signal: AbortSignal): Promise<void> {
    await this.#commit(refillSet(id, set, elements), signal);
  }

  /** Without a moment in which rules find empty sets. False where the table is of another make, or has no sets. */
  async #takeOver(table: NftTable, signal: AbortSignal): Promise<boolean> {
    if (table.elements.size === 0) return false;
    try {
      for (const lines of takeOverTable(table)) await this.#commit(lines, signal);
      return true;
    } catch (error) {
      if (error instanceof TweedError && error.code === "nft-refused") return false;
      throw error;
    }
  }

  async #commit(lines: readonly string[], signal: AbortSignal): Promise<void> {
    const before = await this.#access.generation();
    await this.#access.run(`${lines.join("\n")}\n`, signal);
    const after = await this.#access.generation();
    // With another's transaction in between it is not known which was ours: then both count as foreign.
    if (!isNext(before, after)) return;
    this.#own.add(after);
    this.#lastOwn = after;
  }

  /** Transactions, in their order. */
  #changeOf({ id, table }: WantedTable): string[][] {
    const known = this.#known.get(tableKey(id));
    if (known === undefined) return [table === null ? removeTable(id) : replaceTable(table)];
    if (table === null) return known === null ? [] : [removeTable(id)];
    if (known === null) return [replaceTable(table)];
    return isSameBody(known, table) ? [changeElements(known, table)] : rebuildTable(known, table);
  }

  async #takeNews(): Promise<void> {
    if (this.#hasLost) {
      this.#hasLost = false;
      this.#heard.length = 0;
      this.#own.clear();
      // Nothing came after our own last transaction, so nothing that matters was lost. A large one alone can
      // make the kernel drop news of itself, and to answer that with the same again would never end.
      if (this.#lastOwn === null || (await this.#access.generation()) !== this.#lastOwn) this.#known.clear();
    }
    for (const { generation, tables } of this.#heard) {
      if (this.#own.delete(generation)) continue;
      for (const table of tables) this.#known.delete(table);
    }
    this.#heard.length = 0;
  }
}

/** The kernel's counter is a u32 that leaves 0 out. */
function isNext(before: number, after: number): boolean {
  return after === (before === 0xffff_ffff ? 1 : before + 1);
}

function isSameBody(a: NftTable, b: NftTable): boolean {
  return isDeepStrictEqual([a.sets, a.chains], [b.sets, b.chains]);
}
