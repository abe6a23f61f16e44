/** ICMP sockets in many namespaces, all in this process: a mesh of pings starts no program. */
import { openLibc } from "../kernel/libc/libc.ts";
import { NetworkNamespaces } from "../kernel/libc/network-namespace.ts";
import type { ReadWaiter } from "../kernel/libc/poll.ts";
import type { Family } from "../net/index.ts";
import { IcmpDescriptor } from "../probe/icmp-descriptor.ts";
import type { IcmpSocket, openIcmpSocket } from "../probe/icmp-socket.ts";

interface MeshSocket {
  readonly descriptor: IcmpDescriptor;
  onPacket: (packet: Buffer) => void;
}

export class MeshSockets {
  readonly #sockets: ReadonlyMap<string, MeshSocket>;
  readonly #waiter: ReadWaiter;
  readonly #listening: Promise<void>;
  #isClosed = false;

  private constructor(sockets: ReadonlyMap<string, MeshSocket>, waiter: ReadWaiter) {
    this.#sockets = sockets;
    this.#waiter = waiter;
    this.#listening = this.#listen();
  }

  /** Opens one socket of each family in each namespace. The caller closes them. @throws TweedError `EPERM` */
  static async open(namespaces: readonly string[], families: ReadonlySet<Family>): Promise<MeshSockets> {
    const libc = await openLibc();
    const netns = await NetworkNamespaces.open();
    const sockets = new Map<string, MeshSocket>();
    try {
      for (const namespace of namespaces) {
        for (const family of families) {
          const descriptor = netns.within(namespace, () => new IcmpDescriptor(libc, family));
          sockets.set(key(namespace, family), { descriptor, onPacket: () => {} });
        }
      }
      const fds = [...sockets.values()].map(({ descriptor }) => descriptor.fd);
      return new MeshSockets(sockets, libc.polling.readWaiter(...fds));
    } catch (error) {
      for (const { descriptor } of sockets.values()) descriptor.close();
      throw error;
    }
  }

  /** How a prober in the namespace opens its sockets. */
  opener(namespace: string): typeof openIcmpSocket {
    return async (family, onPacket): Promise<IcmpSocket> => {
      const socket = this.#sockets.get(key(namespace, family));
      if (socket === undefined) throw new Error(`no ${family} socket was opened in ${namespace}`);
      socket.onPacket = onPacket;
      return {
        send: (message, target) => socket.descriptor.send(message, target),
        close: () => {
          socket.onPacket = () => {};
        },
      };
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#waiter.cancel();
    await this.#listening;
    this.#waiter.close();
    for (const { descriptor } of this.#sockets.values()) descriptor.close();
  }

  async #listen(): Promise<void> {
    while (!this.#isClosed) {
      await this.#waiter.wait();
      for (const { descriptor, onPacket } of this.#sockets.values()) descriptor.drain(onPacket);
    }
  }
}

function key(namespace: string, family: Family): string {
  return `${namespace} ${family}`;
}
