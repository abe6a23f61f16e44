import { closeSync } from "node:fs";
import { TweedError } from "../runtime/error.ts";
import { ERRNO, errnoError } from "./libc/errno.ts";
import type { Libc } from "./libc/libc.ts";
import type { TunLink } from "./state.ts";
import { IFF_MULTI_QUEUE, IFF_TUN_EXCL, joinTun, openTunControl } from "./tun-device.ts";

/** _IOW('T', 203, int), linux/if_tun.h */
const TUNSETPERSIST = 0x400454cb;

/**
 * Makes a persistent TUN device: it stays, down and with the kernel's MTU, when this returns and when the process
 * ends. It is deleted as any other link, which works also while somebody holds it open.
 *
 * The device lands in the network namespace of the calling thread.
 *
 * @throws TweedError `EEXIST` when there is a device of that name, `tun-unavailable` without /dev/net/tun, else
 *   with the errno's name for a code
 */
export function createTun(libc: Libc, link: TunLink): void {
  const operation = `create link ${link.name}`;
  const fd = openTunControl(operation);
  try {
    join(libc, fd, link, operation);
    if (libc.ioctls.ioctlValue(fd, TUNSETPERSIST, 1) < 0) throw errnoError(operation, libc.errno());
  } finally {
    closeSync(fd);
  }
}

function join(libc: Libc, fd: number, link: TunLink, operation: string): void {
  try {
    joinTun(libc, fd, link.name, IFF_TUN_EXCL | (link.multiQueue ? IFF_MULTI_QUEUE : 0), operation);
  } catch (error) {
    const isTaken = error instanceof TweedError && error.code === "EBUSY";
    throw isTaken ? errnoError(operation, ERRNO.EEXIST) : error;
  }
}
