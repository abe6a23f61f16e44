/** /dev/net/tun: opens it, and attaches a descriptor to a device by name. */
import { constants, openSync } from "node:fs";
import { messageOf, TweedError } from "../runtime/error.ts";
import { ERRNO, errnoError } from "./libc/errno.ts";
import type { Libc } from "./libc/libc.ts";

const DEVICE = "/dev/net/tun";
/** struct ifreq: the name in 16 bytes, then a union that holds the flags; 40 bytes on 64-bit machines. */
const IFREQ_BYTES = 40;
const IFNAME_BYTES = 16;
/** _IOW('T', 202, int), linux/if_tun.h */
const TUNSETIFF = 0x400454ca;
/** _IOW('T', 217, int) */
const TUNSETQUEUE = 0x400454d9;
const IFF_DETACH_QUEUE = 0x0400;
const IFF_TUN = 0x0001;
/** Without the 4 bytes of packet information before each packet. */
const IFF_NO_PI = 0x1000;

export const IFF_MULTI_QUEUE = 0x0100;
/** A virtio-net header before each packet. */
export const IFF_VNET_HDR = 0x4000;
/** Fails with EBUSY where the name is taken, instead of attaching to that device. */
export const IFF_TUN_EXCL = 0x8000;

/** @returns a non-blocking descriptor, not attached to a device; @throws TweedError `tun-unavailable` */
export function openTunControl(operation: string): number {
  try {
    return openSync(DEVICE, constants.O_RDWR | constants.O_NONBLOCK);
  } catch (error) {
    throw new TweedError({
      code: "tun-unavailable",
      operation,
      reason: `${messageOf(error)}; load the module tun, and give the container the device ${DEVICE}`,
      cause: error,
    });
  }
}

/**
 * Attaches the descriptor to the TUN device of that name in the network namespace of the calling thread, and creates
 * the device where there is none.
 * @throws TweedError with the errno's name for a code
 */
export function attachTun(libc: Libc, fd: number, device: string, flags: number, operation: string): void {
  const name = Buffer.from(device, "latin1");
  // The kernel treats "%d" in a name as a pattern.
  if (name.length === 0 || name.length >= IFNAME_BYTES || device.includes("%")) {
    throw errnoError(operation, ERRNO.EINVAL, "not a device name");
  }
  const request = new Uint8Array(IFREQ_BYTES);
  request.set(name);
  new DataView(request.buffer).setUint16(IFNAME_BYTES, IFF_TUN | IFF_NO_PI | flags, true);
  if (libc.ioctls.ioctl(fd, TUNSETIFF, request) < 0) throw errnoError(operation, libc.errno());
}

/**
 * Detaches the descriptor's queue: it holds the device, but receives no packets. Only for devices with several queues.
 */
export function detachQueue(libc: Libc, fd: number, operation: string): void {
  const request = new Uint8Array(IFREQ_BYTES);
  new DataView(request.buffer).setUint16(IFNAME_BYTES, IFF_DETACH_QUEUE, true);
  if (libc.ioctls.ioctl(fd, TUNSETQUEUE, request) < 0) throw errnoError(operation, libc.errno());
}
