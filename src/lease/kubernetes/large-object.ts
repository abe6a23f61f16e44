/** An object that is too large to be read: it is passed over, and named by its beginning. */
import { TweedError } from "../../runtime/error.ts";
import { JsonCursor } from "./json-cursor.ts";

/** etcd takes 1.5 MB for an object, of which an API server's JSON may be several times as long. */
export const MAX_OBJECT_BYTES = 8 * 1024 * 1024;
/** An API server writes name and version of an object before everything that somebody can make large. */
const HEAD_BYTES = 16 * 1024;

export class LargeObject {
  /** The first bytes of what was received. */
  readonly head: Buffer;
  readonly bytes: number;

  constructor(pieces: readonly Buffer[], bytes: number) {
    this.head = headOf(pieces);
    this.bytes = bytes;
  }
}

/** An object that arrives in pieces; only its beginning is held once it is too large. */
export class ObjectPieces {
  #pieces: Buffer[] = [];
  #bytes = 0;

  add(piece: Buffer): void {
    const isTooLarge = this.#bytes > MAX_OBJECT_BYTES;
    this.#bytes += piece.length;
    if (isTooLarge) return;
    this.#pieces.push(piece);
    if (this.#bytes > MAX_OBJECT_BYTES) this.#pieces = [Buffer.from(headOf(this.#pieces))];
  }

  /** What was added since the last call. A single piece is handed on as it is, its bytes shared. */
  take(): Buffer | LargeObject {
    const [pieces, bytes] = [this.#pieces, this.#bytes];
    this.#pieces = [];
    this.#bytes = 0;
    if (bytes > MAX_OBJECT_BYTES) return new LargeObject(pieces, bytes);
    const [only] = pieces;
    return pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces);
  }
}

/** Of all that was received only as much as tells what it is. */
function headOf(pieces: readonly Buffer[]): Buffer {
  return Buffer.concat(pieces).subarray(0, HEAD_BYTES);
}

/**
 * Name and resource version of an object that is cut off somewhere; null for what is not in its beginning.
 * @param head from the first byte of the object on
 */
export function identify(head: Buffer): { readonly name: string | null; readonly version: string | null } {
  const found = { name: null as string | null, version: null as string | null };
  const cursor = new JsonCursor(head);
  const visitMetadata = (key: string) => {
    if (key === "name") found.name = String(JSON.parse(cursor.text()));
    else if (key === "resourceVersion") found.version = String(JSON.parse(cursor.text()));
    if (found.name !== null && found.version !== null) cursor.leave();
  };
  try {
    cursor.eachKey((key) => {
      if (key === "metadata") cursor.eachKey(visitMetadata);
    });
  } catch (error) {
    // It is cut off: what was found by then is all there is.
    if (!(error instanceof TweedError)) throw error;
  }
  return found;
}
