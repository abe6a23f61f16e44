import { closeSync } from "node:fs";
import { TweedError } from "../runtime/error.ts";
import { ERRNO, errnoError } from "./libc/errno.ts";
import type { Libc } from "./libc/libc.ts";
import type { TunLink } from "./state.ts";
import {
  attachTun,
  detachQueue,
  IFF_MULTI_QUEUE,
  IFF_TUN_EXCL,
  IFF_VNET_HDR,
  openTunControl,
} from "./tun-device.ts";

/**
 * TUN devices that this process created. The kernel deletes a device when its last descriptor is closed, so it ends
 * with the process, stopped or killed: flanneld, which opens "flannel%d", then finds the name free, and no routes of an
 * unread device conflict with its own. The descriptor here is detached from its queue, so that packets go to the queues
 * of the data plane.
 */
export class HeldTuns {
  readonly #libc: Libc;
  readonly #fds = new Map<string, number>();

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  /**
   * Creates a device, down and with the kernel's default MTU, in the network namespace of the calling thread. It is
   * deleted as any other link.
   *
   * @throws TweedError `EEXIST` when a device of that name exists, `tun-unavailable` without /dev/net/tun, else with
   *   the errno's name for a code
   */
  create({ name }: TunLink): void {
    const operation = `create link ${name}`;
    const fd = openTunControl(operation);
    try {
      join(this.#libc, fd, name, operation);
      detachQueue(this.#libc, fd, operation);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    // Left by a device of that name that another program deleted.
    this.#release(name);
    this.#fds.set(name, fd);
  }

  /** Closes the descriptors. The kernel deletes the devices unless another program has them open. */
  close(): void {
    for (const name of this.#fds.keys()) this.#release(name);
  }

  #release(name: string): void {
    const fd = this.#fds.get(name);
    this.#fds.delete(name);
    if (fd !== undefined) closeSync(fd);
  }
}

function join(libc: Libc, fd: number, name: string, operation: string): void {
  try {
    attachTun(libc, fd, name, IFF_TUN_EXCL | IFF_MULTI_QUEUE | IFF_VNET_HDR, operation);
  } catch (error) {
    const isTaken = error instanceof TweedError && error.code === "EBUSY";
    throw isTaken ? errnoError(operation, ERRNO.EEXIST) : error;
  }
}
