/** Splits a watch's answer into lines, one event each. */
import { LargeObject, ObjectPieces } from "./large-object.ts";

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
      this.#pieces.add(chunk.subarray(start, end));
      const line = this.#pieces.take();
      start = end + 1;
      if (line instanceof LargeObject || line.length > 0) yield line;
    }
    if (start < chunk.length) this.#pieces.add(chunk.subarray(start));
  }
}
