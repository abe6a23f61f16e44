/** The record of a soak, a line of JSON for each event: a run that is killed still has its data. */
import { appendFileSync, writeFileSync } from "node:fs";
import type { Occurrence } from "../faults/occurrence.ts";
import type { Growth } from "./growth.ts";
import type { LabSample } from "./sample.ts";

export type SoakEvent =
  | { readonly event: "start"; readonly seed: number; readonly minutes: number; readonly store: string }
  | ({ readonly event: "sample"; readonly backend: string } & LabSample)
  | ({ readonly event: "fault" } & Occurrence)
  | {
      readonly event: "change";
      readonly what: string;
      readonly lost: number;
      readonly broken: readonly string[];
    }
  | { readonly event: "failure"; readonly what: string; readonly reason: string }
  | { readonly event: "end"; readonly growths: readonly Growth[]; readonly violations: number };

export type Recorded = SoakEvent & { readonly atS: number };

export class SoakRecord {
  readonly events: Recorded[] = [];
  readonly #file: string;
  readonly #startMs = performance.now();

  constructor(file: string) {
    this.#file = file;
    writeFileSync(file, "");
  }

  get atS(): number {
    return Math.round((performance.now() - this.#startMs) / 100) / 10;
  }

  note(event: SoakEvent): void {
    const recorded = { atS: this.atS, ...event };
    this.events.push(recorded);
    appendFileSync(this.#file, `${JSON.stringify(recorded)}\n`);
  }
}
