import { ERRNO } from "../libc/errno.ts";
import { NLM_F } from "./message.ts";

/** One thing asked of the kernel. */
export interface Request {
  /** For errors, as a verb and its object: "add route 10.244.3.0/24". */
  readonly operation: string;
  /** RTM_* */
  readonly type: number;
  /** NLM_F_* beside REQUEST and ACK. */
  readonly flags: number;
  readonly body: Uint8Array;
  /** Errno values that mean that there is nothing left to do. */
  readonly doneErrnos: readonly number[];
}

/** How a request treats an object that exists. */
export const MODE = {
  /** Fails with EEXIST. */
  create: NLM_F.create | NLM_F.exclusive,
  /** Takes its place in one step. */
  createOrReplace: NLM_F.create | NLM_F.replace,
  /** Changes it; fails where there is none. */
  change: 0,
} as const;

/** A request that makes or changes an object. */
export function creation(
  operation: string,
  type: number,
  body: Uint8Array,
  flags: number = MODE.createOrReplace,
): Request {
  return { operation, type, flags, body, doneErrnos: NO_ERRNOS };
}

/** A request that deletes an object, which is done also where the object is gone. */
export function deletion(operation: string, type: number, body: Uint8Array): Request {
  return { operation, type, flags: 0, body, doneErrnos: GONE_ERRNOS };
}

const NO_ERRNOS: readonly number[] = [];
/** What deleting meets when the object, or its device with it, is gone already. */
const GONE_ERRNOS: readonly number[] = [ERRNO.ENOENT, ERRNO.ESRCH, ERRNO.ENODEV, ERRNO.EADDRNOTAVAIL];
