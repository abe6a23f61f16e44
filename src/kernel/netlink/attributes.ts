import { type Ip, ipFromBytes, type Mac, macFromBytes } from "../../net/index.ts";
import { malformed } from "./malformed.ts";
import { align } from "./message.ts";

/** struct nlattr: u16 length with this header, u16 type. */
export const ATTRIBUTE_HEADER_BYTES = 4;
/** The upper two bits mean "nested" and "big-endian" (NLA_TYPE_MASK, linux/netlink.h). */
const TYPE_MASK = 0x3fff;

const utf8 = new TextDecoder();

/**
 * The attributes of one message or of one nest, with their lengths checked. A getter returns null where the attribute
 * is absent and throws where its length is not that of its type. Of two attributes of one type the later wins, as in
 * the kernel's own parser.
 */
export class Attributes {
  readonly #what: string;
  readonly #values = new Map<number, Uint8Array>();

  /**
   * @param what name in errors
   * @throws TweedError `netlink-malformed`
   */
  constructor(bytes: Uint8Array, what: string) {
    this.#what = what;
    for (let offset = 0; offset < bytes.length; ) {
      const left = bytes.length - offset;
      if (left < ATTRIBUTE_HEADER_BYTES) throw malformed(what, `${left} stray bytes after the attributes`);
      const length = readU16(bytes, offset);
      if (length < ATTRIBUTE_HEADER_BYTES || length > left) {
        throw malformed(what, `an attribute of ${length} bytes with ${left} left`);
      }
      const type = readU16(bytes, offset + 2) & TYPE_MASK;
      this.#values.set(type, bytes.subarray(offset + ATTRIBUTE_HEADER_BYTES, offset + length));
      offset += align(length);
    }
  }

  has(type: number): boolean {
    return this.#values.has(type);
  }

  bytes(type: number): Uint8Array | null {
    return this.#values.get(type) ?? null;
  }

  u8(type: number): number | null {
    const bytes = this.#sized(type, 1);
    return bytes === null ? null : (bytes[0] as number);
  }

  u32(type: number): number | null {
    const bytes = this.#sized(type, 4);
    return bytes === null ? null : readU32(bytes, 0);
  }

  /** A number in network order, such as a port. */
  u16BigEndian(type: number): number | null {
    const bytes = this.#sized(type, 2);
    return bytes === null ? null : ((bytes[0] as number) << 8) | (bytes[1] as number);
  }

  /** A signed number in network order, as all numbers of nf_tables. */
  i32BigEndian(type: number): number | null {
    const bytes = this.#sized(type, 4);
    return bytes === null ? null : new DataView(bytes.buffer, bytes.byteOffset, 4).getInt32(0);
  }

  /** Text up to the first NUL. */
  text(type: number): string | null {
    const bytes = this.bytes(type);
    if (bytes === null) return null;
    const end = bytes.indexOf(0);
    return utf8.decode(end < 0 ? bytes : bytes.subarray(0, end));
  }

  /** An address of 4 or 16 bytes. */
  ip(type: number): Ip | null {
    const bytes = this.bytes(type);
    if (bytes === null) return null;
    if (bytes.length !== 4 && bytes.length !== 16) throw this.#wrongLength(type, bytes, "4 or 16");
    return ipFromBytes(bytes);
  }

  /** null also for a link-layer address other than Ethernet's: tunnels have 4 bytes, InfiniBand 20. */
  mac(type: number): Mac | null {
    const bytes = this.bytes(type);
    return bytes === null || bytes.length !== 6 ? null : macFromBytes(bytes);
  }

  nested(type: number, what: string): Attributes | null {
    const bytes = this.bytes(type);
    return bytes === null ? null : new Attributes(bytes, what);
  }

  #sized(type: number, length: number): Uint8Array | null {
    const bytes = this.bytes(type);
    if (bytes !== null && bytes.length !== length) throw this.#wrongLength(type, bytes, String(length));
    return bytes;
  }

  #wrongLength(type: number, bytes: Uint8Array, wanted: string) {
    return malformed(this.#what, `attribute ${type} has ${bytes.length} bytes, not ${wanted}`);
  }
}

/** The elements of a list, each a nest; their types are all the same and have no meaning. */
export function* attributeList(bytes: Uint8Array | null, what: string): Generator<Attributes> {
  for (let offset = 0; bytes !== null && offset < bytes.length; ) {
    const left = bytes.length - offset;
    const length = left < ATTRIBUTE_HEADER_BYTES ? 0 : readU16(bytes, offset);
    if (length < ATTRIBUTE_HEADER_BYTES || length > left) {
      throw malformed(what, `an element of ${length} bytes with ${left} left`);
    }
    yield new Attributes(bytes.subarray(offset + ATTRIBUTE_HEADER_BYTES, offset + length), what);
    offset += align(length);
  }
}

/** Splits a body into its fixed struct and the attributes after it. */
export function readBody(
  body: Uint8Array,
  structBytes: number,
  what: string,
): { readonly struct: DataView; readonly attributes: Attributes } {
  if (body.length < structBytes) throw malformed(what, `${body.length} bytes of at least ${structBytes}`);
  return {
    struct: new DataView(body.buffer, body.byteOffset, structBytes),
    attributes: new Attributes(body.subarray(structBytes), what),
  };
}

function readU16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] as number) | ((bytes[offset + 1] as number) << 8);
}

function readU32(bytes: Uint8Array, offset: number): number {
  return (readU16(bytes, offset) | (readU16(bytes, offset + 2) << 16)) >>> 0;
}
