/** A stage compares one kind of object, desired against present, and proposes what would make them agree. */
import type { Operation } from "../operation.ts";
import type { DesiredIndex } from "./desired-index.ts";
import type { Ownership } from "./ownership.ts";
import type { Picture } from "./picture.ts";

export type Stage = (situation: Situation) => readonly Proposal[];

export interface Situation {
  readonly desired: DesiredIndex;
  /** Brought up to date between the stages, so that each sees what those before it achieved. */
  readonly picture: Picture;
  readonly ownership: Ownership;
  /** Devices whose local address the kernel would not change in place. */
  readonly fixedLocal: ReadonlySet<string>;
}

export interface Proposal {
  readonly operation: Operation;
  /** What has to stand before this may be done, or null: then it may be done now. */
  readonly waitsFor: string | null;
}
