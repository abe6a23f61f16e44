/**
 * Splits the answer to a list request into its items while it arrives, to hold only one node at a time in memory:
 * a server that ignores `limit` sends fifty megabytes for 5,000 nodes.
 */
import { type LargeObject, ObjectPieces } from "./large-object.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

export class ListSplitter {
  readonly #onItem: (item: Buffer | LargeObject) => void;
  /** The incomplete item. */
  readonly #pieces = new ObjectPieces();
  #isInItem = false;
  #isInItems = false;
  #isInString = false;
  #isEscaped = false;
  #depth = 0;
  #envelope = "";

  /** @param onItem gets the bytes of each item, valid only until it returns */
  constructor(onItem: (item: Buffer | LargeObject) => void) {
    this.#onItem = onItem;
  }

  /** Everything but the items, once all has been pushed: `{"kind":"NodeList","metadata":{…},"items":[]}`. */
  get envelope(): string {
    return this.#envelope;
  }

  push(chunk: Buffer): void {
    let start = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at];
      if (this.#isInString) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (byte === BACKSLASH) this.#isEscaped = true;
        else if (byte === QUOTE) this.#isInString = false;
        continue;
      }
      switch (byte) {
        case QUOTE:
          this.#isInString = true;
          break;
        case 0x5b: // [
          // The only array at the top level of a list is `items`.
          if (this.#depth === 1) this.#isInItems = true;
          this.#depth++;
          break;
        case 0x7b: // {
          if (this.#isInItems && this.#depth === 2) {
            this.#addToEnvelope(chunk, start, at);
            this.#isInItem = true;
            start = at;
          }
          this.#depth++;
          break;
        case 0x7d: // }
          this.#depth--;
          if (this.#isInItem && this.#depth === 2) {
            this.#pieces.add(chunk.subarray(start, at + 1));
            this.#isInItem = false;
            this.#onItem(this.#pieces.take());
            start = at + 1;
          }
          break;
        case 0x5d: // ]
          this.#depth--;
          if (this.#depth === 1 && this.#isInItems) {
            this.#addToEnvelope(chunk, start, at);
            this.#isInItems = false;
            start = at;
          }
          break;
      }
    }
    if (this.#isInItem) this.#pieces.add(chunk.subarray(start));
    else this.#addToEnvelope(chunk, start, chunk.length);
  }

  /** Drops the commas and blanks between items. */
  #addToEnvelope(chunk: Buffer, start: number, end: number): void {
    const text = chunk.toString("latin1", start, end);
    this.#envelope += this.#isInItems ? text.replace(/^[\s,]+$/, "") : text;
  }
}
