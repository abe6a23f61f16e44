/** Address families in the first byte of rtnetlink messages (linux/socket.h). */
import { addressBits, type Family } from "../../net/index.ts";
import { malformed } from "./malformed.ts";

export const AF = { unspec: 0, inet: 2, bridge: 7, inet6: 10 } as const;

export function afOf(family: Family): number {
  return family === "v4" ? AF.inet : AF.inet6;
}

/** null for a family other than IP. */
export function familyOfAf(af: number): Family | null {
  if (af === AF.inet) return "v4";
  return af === AF.inet6 ? "v6" : null;
}

/** The family of a message that must be of IP. */
export function requireFamily(af: number, what: string): Family {
  const family = familyOfAf(af);
  if (family === null) throw malformed(what, `family ${af} is not IP`);
  return family;
}

/** Refuses a prefix length beyond the family's address bits. */
export function requireLength(family: Family, length: number, what: string): number {
  if (length > addressBits(family)) throw malformed(what, `prefix length ${length} in IP${family}`);
  return length;
}
