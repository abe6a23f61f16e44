/** Cuts a watch's answer into its lines, one event to a line. */
import { TweedError } from "../../runtime/error.ts";

const NEWLINE = 0x0a;
/** etcd takes 1.5 MB for an object, and JSON is a little longer than what it stores. */
const MAX_LINE_BYTES = 8 * 1024 * 1024;

export class LineSplitter {
  #rest: Buffer[] = [];
  #restBytes = 0;

  /** The lines that are complete with this chunk; their bytes are shared with it. @throws TweedError `invalid-json` */
  *push(chunk: Buffer): Generator<Buffer> {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start);
      if (end < 0) break;
      const piece = chunk.subarray(start, end);
      start = end + 1;
      const line = this.#rest.length === 0 ? piece : Buffer.concat([...this.#rest, piece]);
      this.#rest = [];
      this.#restBytes = 0;
      if (line.length > 0) yield line;
    }
    if (start === chunk.length) return;
    this.#rest.push(chunk.subarray(start));
    this.#restBytes += chunk.length - start;
    if (this.#restBytes <= MAX_LINE_BYTES) return;
    throw new TweedError({
      code: "invalid-json",
      operation: "watch nodes",
      reason: `an event has more than ${MAX_LINE_BYTES} bytes`,
      retryable: true,
    });
  }
}
