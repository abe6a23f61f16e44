import { ERRNO } from "../libc/errno.ts";
import { NLM_F } from "./message.ts";

/** A netlink request. */
export interface Request {
  /** For errors, as a verb and its object: "add route 10.244.3.0/24". */
  readonly operation: string;
  /** RTM_* */
  readonly type: number;
  /** NLM_F_* in addition to REQUEST and ACK. */
  readonly flags: number;
  readonly body: Uint8Array;
  /** Errno values that count as success, since there is nothing left to do. */
  readonly doneErrnos: readonly number[];
}

/** How a request treats an existing object. */
export const MODE = {
  /** Fails with EEXIST. */
  create: NLM_F.create | NLM_F.exclusive,
  /** Replaces it atomically. */
  createOrReplace: NLM_F.create | NLM_F.replace,
  /** Changes it; fails without one. */
  change: 0,
} as const;

/** A request that creates or changes an object. */
export function creation(
  operation: string,
  type: number,
  body: Uint8Array,
  flags: number = MODE.createOrReplace,
): Request {
  return { operation, type, flags, body, doneErrnos: NO_ERRNOS };
}

/** A request that deletes an object; it succeeds also when the object is absent. */
export function deletion(operation: string, type: number, body: Uint8Array): Request {
  return { operation, type, flags: 0, body, doneErrnos: GONE_ERRNOS };
}

const NO_ERRNOS: readonly number[] = [];
/** Errors of a deletion when the object, or its device, is absent. */
const GONE_ERRNOS: readonly number[] = [ERRNO.ENOENT, ERRNO.ESRCH, ERRNO.ENODEV, ERRNO.EADDRNOTAVAIL];
