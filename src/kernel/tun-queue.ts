/** Queues of a TUN device: descriptors for reading and writing packets. */
import { accessSync, closeSync } from "node:fs";
import { TweedError } from "../runtime/error.ts";
import { ERRNO, errnoError } from "./libc/errno.ts";
import type { Libc } from "./libc/libc.ts";
import { attachTun, IFF_MULTI_QUEUE, IFF_VNET_HDR, openTunControl } from "./tun-device.ts";

/** _IOW('T', 208, unsigned int), linux/if_tun.h */
const TUNSETOFFLOAD = 0x400454d0;
const TUN_F_CSUM = 0x01;
const TUN_F_TSO4 = 0x02;
const TUN_F_TSO6 = 0x04;
const TUN_F_USO4 = 0x20;
const TUN_F_USO6 = 0x40;

/** Offload levels of a read, best first. USO needs Linux 6.2. */
const OFFLOAD_STEPS = [
  { name: "tso+uso", bits: TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_USO4 | TUN_F_USO6 },
  { name: "tso", bits: TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 },
  { name: "checksum", bits: TUN_F_CSUM },
  { name: "none", bits: 0 },
] as const;
export type TunOffload = (typeof OFFLOAD_STEPS)[number]["name"];

export interface TunQueue {
  /** Non-blocking. A 10-byte virtio-net header precedes each packet in both directions. */
  readonly fd: number;
  readonly offload: TunOffload;
}

/**
 * Attaches a queue to an existing TUN device in the network namespace of the calling thread.
 *
 * @param offload false for plain packets with complete checksums only
 * @throws TweedError `ENODEV` (retryable) without that device, `EBUSY` (retryable) while other programs use its queues,
 *   `tun-unavailable` without /dev/net/tun
 */
export function openTunQueue(
  libc: Libc,
  device: { readonly name: string; readonly multiQueue: boolean },
  offload: boolean,
): TunQueue {
  const operation = `open queue of ${device.name}`;
  if (!interfaceExists(device.name)) {
    throw new TweedError({
      code: "ENODEV",
      operation,
      reason: "there is no such device yet",
      retryable: true,
    });
  }
  const fd = openTunControl(operation);
  try {
    attachTun(libc, fd, device.name, IFF_VNET_HDR | (device.multiQueue ? IFF_MULTI_QUEUE : 0), operation);
    return { fd, offload: setOffload(libc, fd, operation, offload) };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** The first level that the kernel accepts. */
function setOffload(libc: Libc, fd: number, operation: string, wanted: boolean): TunOffload {
  for (const step of wanted ? OFFLOAD_STEPS : OFFLOAD_STEPS.slice(-1)) {
    if (libc.ioctls.ioctlValue(fd, TUNSETOFFLOAD, step.bits) >= 0) return step.name;
    const errno = libc.errno();
    if (errno !== ERRNO.EINVAL) throw errnoError(operation, errno, `offload ${step.name}`);
  }
  throw errnoError(operation, ERRNO.EINVAL, "the kernel refuses every level of TUNSETOFFLOAD");
}

/** Checked first, because attaching a queue to an unused name would create a device, and not one that lasts. */
function interfaceExists(name: string): boolean {
  try {
    accessSync(`/proc/sys/net/ipv4/conf/${name}`);
    return true;
  } catch {
    return false;
  }
}
