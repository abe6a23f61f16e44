/** An object that is too large to read: it is skipped, and identified by its first bytes. */
import { TweedError } from "../../runtime/error.ts";
import { JsonCursor } from "./json-cursor.ts";

/** etcd's limit for an object is 1.5 MB; an API server's JSON of it may be several times as long. */
export const MAX_OBJECT_BYTES = 8 * 1024 * 1024;
/** An API server writes name and version of an object before every field that can be large. */
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

/** Collects an object that arrives in pieces; retains only its beginning once it is too large. */
export class ObjectPieces {
  #pieces: Buffer[] = [];
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#bytes === 0;
  }

  add(piece: Buffer): void {
    const isTooLarge = this.#bytes > MAX_OBJECT_BYTES;
    this.#bytes += piece.length;
    if (isTooLarge) return;
    this.#pieces.push(piece);
    if (this.#bytes > MAX_OBJECT_BYTES) this.#pieces = [Buffer.from(headOf(this.#pieces))];
  }

  /** The object added since the last call. A single piece is returned without a copy. */
  take(): Buffer | LargeObject {
    const [pieces, bytes] = [this.#pieces, this.#bytes];
    this.#pieces = [];
    this.#bytes = 0;
    if (bytes > MAX_OBJECT_BYTES) return new LargeObject(pieces, bytes);
    const [only] = pieces;
    return pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces);
  }
}

/** The first bytes, enough to identify the object. */
function headOf(pieces: readonly Buffer[]): Buffer {
  return Buffer.concat(pieces).subarray(0, HEAD_BYTES);
}

/**
 * Name and resource version of a truncated object; null when they are not in its beginning.
 * @param head from the first byte of the object on
 */
export function identify(head: Buffer): { readonly name: string | null; readonly version: string | null } {
  const found = { name: null as string | null, version: null as string | null };
  const cursor = new JsonCursor(head);
  const visitMetadata = (key: string) => {
    if (key === "name") found.name = cursor.string();
    else if (key === "resourceVersion") found.version = cursor.string();
    if (found.name !== null && found.version !== null) cursor.leave();
  };
  try {
    cursor.eachKey((key) => {
      if (key === "metadata") cursor.eachKey(visitMetadata);
    });
  } catch (error) {
    // The truncated end: what was found until here is the result.
    if (!(error instanceof TweedError)) throw error;
  }
  return found;
}
