/** Error numbers of Linux (asm-generic/errno.h; the same on x86-64 and arm64), their names and texts. */
import { constants } from "node:os";
import { getSystemErrorMap } from "node:util";
import { TweedError } from "../../runtime/error.ts";

export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  ERANGE: 34,
  /** "File descriptor in bad state": node:os does not list it. */
  EBADFD: 77,
  EMSGSIZE: 90,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
  EADDRNOTAVAIL: 99,
  ENETUNREACH: 101,
  ENOBUFS: 105,
  ECONNREFUSED: 111,
  EHOSTUNREACH: 113,
  EINPROGRESS: 115,
} as const;

/** Names that node:os lists under an older alias or not at all. */
const PREFERRED_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(ERRNO).map(([name, errno]) => [errno, name]),
);

/** Transient conditions: a signal, a shortage, a short lock by another program. */
const TRANSIENT: ReadonlySet<number> = new Set([
  ERRNO.EINTR,
  ERRNO.EAGAIN,
  ERRNO.ENOMEM,
  ERRNO.EBUSY,
  ERRNO.ENOBUFS,
]);

/** "EEXIST" for 17; "E999" for a number without a name. */
export function errnoName(errno: number): string {
  const preferred = PREFERRED_NAMES.get(errno);
  if (preferred !== undefined) return preferred;
  const known = Object.entries(constants.errno).find(([, value]) => value === errno);
  return known?.[0] ?? `E${errno}`;
}

/** "file already exists" for 17; empty where Node has no text. */
export function errnoText(errno: number): string {
  return getSystemErrorMap().get(-errno)?.[1] ?? "";
}

/**
 * The error for a refused system call or netlink request. Its code is the errno's name, as in Node's own errors.
 *
 * @param detail the kernel's message (an extended acknowledgement), or the fix
 * @param capability the capability that is missing on EPERM
 */
export function errnoError(
  operation: string,
  errno: number,
  detail = "",
  capability = "CAP_NET_ADMIN",
): TweedError {
  const code = errnoName(errno);
  const text = errnoText(errno);
  const reason = [detail, text].filter((part) => part !== "").join(": ");
  const advice = errno === ERRNO.EPERM ? `; be root, or have ${capability}` : "";
  return new TweedError({
    code,
    operation,
    reason: `${reason === "" ? "refused" : reason} (${code})${advice}`,
    retryable: TRANSIENT.has(errno),
  });
}
