/**
 * Splits the answer to a list request into its items while it arrives, to hold only one node at a time in memory:
 * a server that ignores `limit` sends fifty megabytes for 5,000 nodes.
 */
import { endOfString } from "./json-cursor.ts";
import { type LargeObject, ObjectPieces } from "./large-object.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

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
    const { length } = chunk;
    let start = 0;
    let at = this.#isInString ? this.#skipString(chunk, 0) : 0;
    while (at < length) {
      const byte = chunk[at++];
      if (byte === QUOTE) at = this.#skipString(chunk, at);
      else if (byte === OPEN_BRACKET) {
        // The only array at the top level of a list is `items`.
        if (this.#depth === 1) this.#isInItems = true;
        this.#depth++;
      } else if (byte === OPEN_BRACE) {
        if (this.#isInItems && this.#depth === 2) {
          this.#addToEnvelope(chunk, start, at - 1);
          this.#isInItem = true;
          start = at - 1;
        }
        this.#depth++;
      } else if (byte === CLOSE_BRACE) {
        this.#depth--;
        if (this.#isInItem && this.#depth === 2) {
          this.#pieces.add(chunk.subarray(start, at));
          this.#isInItem = false;
          this.#onItem(this.#pieces.take());
          start = at;
        }
      } else if (byte === CLOSE_BRACKET) {
        this.#depth--;
        if (this.#depth === 1 && this.#isInItems) {
          this.#addToEnvelope(chunk, start, at - 1);
          this.#isInItems = false;
          start = at - 1;
        }
      }
    }
    if (this.#isInItem) this.#pieces.add(chunk.subarray(start));
    else this.#addToEnvelope(chunk, start, length);
  }

  /** The offset after the string that `at` is in; the chunk's length when the string continues in the next one. */
  #skipString(chunk: Buffer, at: number): number {
    const start = this.#isEscaped ? at + 1 : at;
    // Of an escaped character that the next chunk begins with, the backslash is at the end of this one.
    const end = start > chunk.length ? null : endOfString(chunk, start);
    this.#isInString = end === null;
    this.#isEscaped = end === null && (start > chunk.length || endsInEscape(chunk, start));
    return end ?? chunk.length;
  }

  /** Drops the commas and blanks between items. */
  #addToEnvelope(chunk: Buffer, start: number, end: number): void {
    const text = chunk.toString("latin1", start, end);
    this.#envelope += this.#isInItems ? text.replace(/^[\s,]+$/, "") : text;
  }
}

/** True where an odd number of backslashes ends the chunk, behind `start`. */
function endsInEscape(chunk: Buffer, start: number): boolean {
  let backslashes = 0;
  while (chunk.length - backslashes > start && chunk[chunk.length - backslashes - 1] === BACKSLASH)
    backslashes++;
  return backslashes % 2 === 1;
}
