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
