import { TweedError } from "../../runtime/error.ts";

/** The error for bytes that violate the format of linux/netlink.h or linux/rtnetlink.h. */
export function malformed(what: string, reason: string): TweedError {
  return new TweedError({ code: "netlink-malformed", operation: `decode ${what}`, reason });
}
