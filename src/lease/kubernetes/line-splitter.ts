/** Cuts a watch's answer into its lines, one event to a line. */
import { headOf, LargeObject, MAX_OBJECT_BYTES } from "./large-object.ts";

const NEWLINE = 0x0a;

export class LineSplitter {
  /** The line that has begun; only its beginning once it is too long. */
  #rest: Buffer[] = [];
  #restBytes = 0;

  /** The lines that are complete with this chunk; their bytes are shared with it. */
  *push(chunk: Buffer): Generator<Buffer | LargeObject> {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start);
      if (end < 0) break;
      const line = this.#complete(chunk.subarray(start, end));
      start = end + 1;
      if (line instanceof LargeObject || line.length > 0) yield line;
    }
    if (start < chunk.length) this.#add(chunk.subarray(start));
  }

  #complete(piece: Buffer): Buffer | LargeObject {
    if (this.#rest.length === 0 && piece.length <= MAX_OBJECT_BYTES) return piece;
    this.#add(piece);
    const [pieces, bytes] = [this.#rest, this.#restBytes];
    this.#rest = [];
    this.#restBytes = 0;
    return bytes > MAX_OBJECT_BYTES ? new LargeObject(pieces, bytes) : Buffer.concat(pieces);
  }

  #add(piece: Buffer): void {
    const isTooLong = this.#restBytes > MAX_OBJECT_BYTES;
    this.#restBytes += piece.length;
    if (isTooLong) return;
    this.#rest.push(piece);
    if (this.#restBytes > MAX_OBJECT_BYTES) this.#rest = [Buffer.from(headOf(this.#rest))];
  }
}
