import { TweedError } from "../../runtime/error.ts";

/** The error for bytes that are not what linux/netlink.h or linux/rtnetlink.h say they are. */
export function malformed(what: string, reason: string): TweedError {
  return new TweedError({ code: "netlink-malformed", operation: `decode ${what}`, reason });
}
