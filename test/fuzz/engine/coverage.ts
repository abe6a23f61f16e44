/**
 * Which parts of the code under test have run, by V8's own block coverage. A sample walks all functions and costs some
 * ten milliseconds, so it is taken after many inputs.
 *
 * V8 reports nested ranges with counts since the last sample, and merges a range into the one around it where the counts
 * agree: ranges are no stable names of blocks. So coverage is kept by place in the source, and a block is a stretch
 * between two places where some sample has seen a range begin or end.
 */
import { type Profiler, Session } from "node:inspector";

/** Places in one script, as `[start, end)`. */
export type Places = readonly (readonly [start: number, end: number])[];

export class Coverage {
  readonly #session = new Session();
  readonly #isScript: (url: string) => boolean;
  readonly #isOurs: Uint8Array;
  readonly #covered: Uint8Array;
  readonly #painted: Uint8Array;
  readonly #edges: Uint8Array;

  /**
   * @param length of the script
   * @param places of the code under test within it
   */
  constructor(isScript: (url: string) => boolean, length: number, places: Places) {
    this.#isScript = isScript;
    this.#isOurs = new Uint8Array(length);
    for (const [start, end] of places) this.#isOurs.fill(1, start, end);
    this.#covered = new Uint8Array(length);
    this.#painted = new Uint8Array(length);
    this.#edges = new Uint8Array(length + 1);
    this.#session.connect();
    this.#post("Profiler.enable");
    this.#post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  /** Forgets what ran since the last sample. */
  discard(): void {
    this.#take();
  }

  /** True when something ran that had not run before. With `keep` it then counts as covered. */
  sample(keep: boolean): boolean {
    let hasNew = false;
    for (const script of this.#take()) {
      if (!this.#isScript(script.url)) continue;
      // Outer functions come before those inside them, so that the inner count stands at last.
      let group: Profiler.FunctionCoverage[] = [];
      let groupEnd = 0;
      const finish = () => {
        const added = this.#addGroup(group, keep);
        hasNew ||= added;
        group = [];
      };
      for (const each of script.functions) {
        const [outer] = each.ranges;
        if (outer === undefined) continue;
        if (outer.startOffset >= groupEnd) finish();
        group.push(each);
        groupEnd = Math.max(groupEnd, outer.endOffset);
      }
      finish();
    }
    return hasNew;
  }

  /** Blocks known so far, and those of them that ran. */
  blocks(): { readonly covered: number; readonly known: number } {
    let covered = 0;
    let known = 0;
    for (let at = 0; at < this.#covered.length; at++) {
      if (this.#isOurs[at] === 0 || this.#edges[at] === 0) continue;
      known += 1;
      covered += this.#covered[at] as number;
    }
    return { covered, known };
  }

  close(): void {
    this.#post("Profiler.stopPreciseCoverage");
    this.#session.disconnect();
  }

  #addGroup(functions: readonly Profiler.FunctionCoverage[], keep: boolean): boolean {
    const [first] = functions;
    if (first === undefined) return false;
    let [start, end] = [Number.POSITIVE_INFINITY, 0];
    for (const { ranges } of functions) {
      for (const { startOffset, endOffset, count } of ranges) {
        this.#painted.fill(count > 0 ? 1 : 0, startOffset, endOffset);
        this.#edges[startOffset] = 1;
        this.#edges[endOffset] = 1;
        start = Math.min(start, startOffset);
        end = Math.max(end, endOffset);
      }
    }
    let hasNew = false;
    for (let at = start; at < end; at++) {
      if (this.#painted[at] === 0 || this.#isOurs[at] === 0 || this.#covered[at] === 1) continue;
      hasNew = true;
      if (!keep) break;
      this.#covered[at] = 1;
    }
    this.#painted.fill(0, start, end);
    return hasNew;
  }

  #take(): readonly Profiler.ScriptCoverage[] {
    let taken: readonly Profiler.ScriptCoverage[] = [];
    // The session's calls to this thread are answered before they return.
    this.#session.post("Profiler.takePreciseCoverage", (error, result) => {
      if (error !== null) throw error;
      taken = result.result;
    });
    return taken;
  }

  #post(method: string, parameters: object = {}): void {
    this.#session.post(method, parameters, (error) => {
      if (error !== null) throw error;
    });
  }
}

/** Places of the product's sources in a bundle of esbuild, which puts the path before the code of each. */
export function placesOfSources(bundle: string): Places {
  const places: (readonly [number, number])[] = [];
  let start: number | null = null;
  for (const match of bundle.matchAll(/^\/\/ (\S+\.(?:ts|mjs|js|json))$/gm)) {
    if (start !== null) places.push([start, match.index]);
    start = /^(?:src|backends)\//.test(match[1] ?? "") ? match.index : null;
  }
  if (start !== null) places.push([start, bundle.length]);
  return places;
}
