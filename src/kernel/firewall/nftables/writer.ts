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
  /** Runs a script as one transaction. @throws TweedError `nft-refused`, `program-missing` */
  run(script: string, signal: AbortSignal): Promise<void>;
  /** The number of the last transaction in this network namespace; the kernel counts them. */
  generation(): Promise<number>;
}

/** A table of ours and its desired contents; null to remove it. */
export interface WantedTable {
  readonly id: NftTableId;
  readonly table: NftTable | null;
}

/**
 * Writes the desired tables. It never reads them: it writes each whole at the start, and again after another program's
 * transaction has changed it. Otherwise it writes only differences.
 */
export class NftablesWriter {
  readonly #access: NftablesAccess;
  /** The contents of a table by all events so far; absent when they are not known. */
  readonly #known = new Map<string, NftTable | null>();
  /** Tables that this process has written. A table of an earlier process is taken over instead of replaced. */
  readonly #written = new Set<string>();
  readonly #received: Commit[] = [];
  /** Generations of our own transactions whose events have not arrived yet. */
  readonly #own = new Set<number>();
  #lastOwn: number | null = null;
  #isInvalid = true;

  constructor(access: NftablesAccess) {
    this.#access = access;
  }

  /** Records a transaction, of another program or of our own. */
  receive(commit: Commit): void {
    this.#received.push(commit);
  }

  /** Events were lost: any table may have changed. */
  invalidate(): void {
    this.#isInvalid = true;
  }

  /** Writes the differences. @returns the number of tables written */
  async reconcile(wanted: readonly WantedTable[], signal: AbortSignal): Promise<number> {
    await this.#applyEvents();
    let written = 0;
    for (const { id, table } of wanted) {
      const scripts = this.#changeOf({ id, table }).filter((lines) => lines.length > 0);
      if (scripts.length === 0) continue;
      const isFirst = !this.#written.has(tableKey(id));
      // Until the whole write has succeeded, the contents of the table are unknown.
      this.#known.delete(tableKey(id));
      const isTakenOver = isFirst && table !== null && (await this.#takeOver(table, signal));
      if (!isTakenOver) for (const lines of scripts) await this.#commit(lines, signal);
      this.#known.set(tableKey(id), table);
      this.#written.add(tableKey(id));
      written += 1;
    }
    return written;
  }

  /** Replaces the elements of one set in a table that is in place, as one transaction. */
  async refill(id: NftTableId, set: string, elements: readonly string[], signal: AbortSignal): Promise<void> {
    await this.#commit(refillSet(id, set, elements), signal);
  }

  /**
   * Takes the table over without an interval in which rules see empty sets. @returns false where the table has another
   * layout, or no sets
   */
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
    // With another transaction in between we cannot know which was ours, so both count as foreign.
    if (!isNext(before, after)) return;
    this.#own.add(after);
    this.#lastOwn = after;
  }

  /** The scripts for one table; each is a transaction. */
  #changeOf({ id, table }: WantedTable): string[][] {
    const known = this.#known.get(tableKey(id));
    if (known === undefined) return [table === null ? removeTable(id) : replaceTable(table)];
    if (table === null) return known === null ? [] : [removeTable(id)];
    if (known === null) return [replaceTable(table)];
    return isSameBody(known, table) ? [changeElements(known, table)] : rebuildTable(known, table);
  }

  async #applyEvents(): Promise<void> {
    if (this.#isInvalid) {
      this.#isInvalid = false;
      this.#received.length = 0;
      this.#own.clear();
      // No transaction followed our own last one, so no event that matters was lost. A large transaction can by itself
      // make the kernel drop its events; to write it again would never end.
      if (this.#lastOwn === null || (await this.#access.generation()) !== this.#lastOwn) this.#known.clear();
    }
    for (const { generation, tables } of this.#received) {
      if (this.#own.delete(generation)) continue;
      for (const table of tables) this.#known.delete(table);
    }
    this.#received.length = 0;
  }
}

/** The kernel's counter is a u32 that skips 0. */
function isNext(before: number, after: number): boolean {
  return after === (before === 0xffff_ffff ? 1 : before + 1);
}

function isSameBody(a: NftTable, b: NftTable): boolean {
  return isDeepStrictEqual([a.sets, a.chains], [b.sets, b.chains]);
}
