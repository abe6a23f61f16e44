/** Ethernet addresses as branded strings: six lower-case pairs of hex digits with colons. */
import { TweedError } from "../runtime/error.ts";
import type { Random } from "../runtime/random.ts";

declare const brand: unique symbol;
export type Mac = string & { readonly [brand]: "Mac" };

export function tryParseMac(text: string): Mac | null {
  const lower = text.toLowerCase();
  return /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(lower) ? (lower as Mac) : null;
}

/** @throws TweedError `invalid-mac` */
export function parseMac(text: string): Mac {
  const mac = tryParseMac(text);
  if (mac !== null) return mac;
  throw new TweedError({
    code: "invalid-mac",
    operation: "parse MAC",
    reason: `${JSON.stringify(text)} is not an Ethernet address such as 0e:52:a1:00:00:07`,
  });
}

export function macToBytes(mac: Mac): Uint8Array {
  return Uint8Array.from(mac.split(":"), (pair) => Number.parseInt(pair, 16));
}

/** @throws TweedError `invalid-mac` unless there are 6 bytes */
export function macFromBytes(bytes: Uint8Array): Mac {
  return parseMac(Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(":"));
}

/** True for an address that one station can own: not a group address, not all zeros. */
export function isUnicastMac(mac: Mac): boolean {
  return (Number.parseInt(mac.slice(0, 2), 16) & 1) === 0 && mac !== "00:00:00:00:00:00";
}

/** A random address with the group bit clear and the locally-administered bit set. */
export function randomMac(random: Random): Mac {
  const bytes = random.bytes(6);
  bytes[0] = ((bytes[0] as number) & 0xfe) | 0x02;
  return macFromBytes(bytes);
}
