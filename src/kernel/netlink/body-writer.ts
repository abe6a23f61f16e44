import { type Ip, ipToBytes, type Mac, macToBytes } from "../../net/index.ts";
import { ATTRIBUTE_HEADER_BYTES } from "./attributes.ts";
import { align } from "./message.ts";

/** Enough for all requests but those of links, so that a batch of routes needs no reallocation. */
const FIRST_BYTES = 96;

const utf8 = new TextEncoder();

/** Attributes without a struct, as in a nest. */
export function attributesOf(write: (writer: BodyWriter) => void): Uint8Array {
  const writer = new BodyWriter(0, () => {});
  write(writer);
  return writer.finish();
}

/**
 * Writes the body of a request: a fixed struct, then attributes in the order of the calls, padded to 4 bytes. A
 * value of null writes nothing, so that an absent field is an absent attribute.
 */
export class BodyWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #length: number;

  /** @param writeStruct fills in the fixed struct, which starts as zeros */
  constructor(structBytes: number, writeStruct: (struct: DataView) => void) {
    this.#bytes = new Uint8Array(Math.max(FIRST_BYTES, structBytes));
    this.#length = structBytes;
    writeStruct(new DataView(this.#bytes.buffer, 0, structBytes));
  }

  u8(type: number, value: number | null): this {
    return value === null ? this : this.bytes(type, Uint8Array.of(value));
  }

  u32(type: number, value: number | null): this {
    if (value === null) return this;
    const offset = this.#start(type, 4);
    this.#view().setUint32(offset, value, true);
    return this;
  }

  /** A number in network order, such as a port. */
  u16BigEndian(type: number, value: number | null): this {
    return value === null ? this : this.bytes(type, Uint8Array.of(value >>> 8, value & 255));
  }

  /** Text with a terminating NUL, which the kernel expects. */
  text(type: number, value: string | null): this {
    return value === null ? this : this.bytes(type, utf8.encode(`${value}\0`));
  }

  ip(type: number, value: Ip | null): this {
    return value === null ? this : this.bytes(type, ipToBytes(value));
  }

  mac(type: number, value: Mac | null): this {
    return value === null ? this : this.bytes(type, macToBytes(value));
  }

  /** An attribute without a value, which is set by its presence. */
  flag(type: number, isSet: boolean): this {
    return isSet ? this.bytes(type, new Uint8Array(0)) : this;
  }

  bytes(type: number, value: Uint8Array | null): this {
    if (value === null) return this;
    const offset = this.#start(type, value.length);
    this.#bytes.set(value, offset);
    return this;
  }

  /**
   * Attributes within an attribute. The nested bit stays clear, as in iproute2: old kernels compare types
   * whole.
   */
  nest(type: number, write: (writer: this) => void): this {
    const start = this.#start(type, 0) - ATTRIBUTE_HEADER_BYTES;
    write(this);
    this.#view().setUint16(start, this.#length - start, true);
    return this;
  }

  /** Raw bytes in place of attributes, for the arrays in some attributes of rtnetlink (struct rtnexthop). */
  raw(value: Uint8Array): this {
    const offset = this.#reserve(value.length);
    this.#bytes.set(value, offset);
    return this;
  }

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Writes an attribute header and returns the offset of its value. */
  #start(type: number, length: number): number {
    const offset = this.#reserve(ATTRIBUTE_HEADER_BYTES + length);
    const view = this.#view();
    view.setUint16(offset, ATTRIBUTE_HEADER_BYTES + length, true);
    view.setUint16(offset + 2, type, true);
    return offset + ATTRIBUTE_HEADER_BYTES;
  }

  /** Reserves `length` bytes and their padding, and returns their offset. */
  #reserve(length: number): number {
    const offset = this.#length;
    this.#length += align(length);
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#length);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    return offset;
  }

  #view(): DataView {
    return new DataView(this.#bytes.buffer);
  }
}
