/** Splits a watch's answer into lines, one event each. */
import { type LargeObject, ObjectPieces } from "./large-object.ts";

const NEWLINE = 0x0a;

export class LineSplitter {
  /** The incomplete line. */
  readonly #pieces = new ObjectPieces();

  /** The lines that this chunk completes; they may share its bytes. */
  *push(chunk: Buffer): Generator<Buffer | LargeObject> {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start);
      if (end < 0) break;
      if (end > start) this.#pieces.add(chunk.subarray(start, end));
      start = end + 1;
      if (!this.#pieces.isEmpty) yield this.#pieces.take();
    }
    if (start < chunk.length) this.#pieces.add(chunk.subarray(start));
  }
}
