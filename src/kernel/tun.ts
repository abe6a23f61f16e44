import { closeSync, openSync } from "node:fs";
import { messageOf, TweedError } from "../runtime/error.ts";
import { ERRNO, errnoError } from "./libc/errno.ts";
import type { Libc } from "./libc/libc.ts";
import type { TunLink } from "./state.ts";

const DEVICE = "/dev/net/tun";
/** struct ifreq: the name in 16 bytes, then a union that holds the flags; 40 bytes on 64-bit machines. */
const IFREQ_BYTES = 40;
const IFNAME_BYTES = 16;
/** _IOW('T', 202, int) and _IOW('T', 203, int), linux/if_tun.h */
const TUNSETIFF = 0x400454ca;
const TUNSETPERSIST = 0x400454cb;
/** Fails with EBUSY where the name is taken, instead of joining what is there. */
const IFF_TUN_EXCL = 0x8000;
const IFF_TUN = 0x0001;
const IFF_MULTI_QUEUE = 0x0100;
/** Without the 4 bytes of packet information before each packet. */
const IFF_NO_PI = 0x1000;

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
  const name = Buffer.from(link.name, "latin1");
  // The kernel takes "%d" in a name for a pattern.
  if (name.length === 0 || name.length >= IFNAME_BYTES || link.name.includes("%")) {
    throw errnoError(operation, ERRNO.EINVAL, "not a device name");
  }
  const fd = openDevice(operation);
  try {
    const request = new Uint8Array(IFREQ_BYTES);
    request.set(name);
    const flags = IFF_TUN | IFF_NO_PI | IFF_TUN_EXCL | (link.multiQueue ? IFF_MULTI_QUEUE : 0);
    new DataView(request.buffer).setUint16(IFNAME_BYTES, flags, true);
    if (libc.ioctls.ioctl(fd, TUNSETIFF, request) < 0) {
      const errno = libc.errno();
      throw errnoError(operation, errno === ERRNO.EBUSY ? ERRNO.EEXIST : errno);
    }
    if (libc.ioctls.ioctlValue(fd, TUNSETPERSIST, 1) < 0) throw errnoError(operation, libc.errno());
  } finally {
    closeSync(fd);
  }
}

function openDevice(operation: string): number {
  try {
    return openSync(DEVICE, "r+");
  } catch (error) {
    throw new TweedError({
      code: "tun-unavailable",
      operation,
      reason: `${messageOf(error)}; load the module tun, and give the container the device ${DEVICE}`,
      cause: error,
    });
  }
}
