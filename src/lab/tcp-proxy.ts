/** A TCP proxy on loopback that can reset its connections, or leave them open without forwarding. */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

interface ProxyState {
  isFrozen: boolean;
  isRefusing: boolean;
}

export class TcpProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;
  /** Connections that stay frozen after {@link restore}. */
  readonly #dead: WeakSet<Socket>;
  readonly #state: ProxyState;

  private constructor(
    port: number,
    server: Server,
    sockets: Set<Socket>,
    dead: WeakSet<Socket>,
    state: ProxyState,
  ) {
    this.port = port;
    this.#server = server;
    this.#sockets = sockets;
    this.#dead = dead;
    this.#state = state;
  }

  static async to(targetPort: number): Promise<TcpProxy> {
    const sockets = new Set<Socket>();
    const dead = new WeakSet<Socket>();
    const state = { isFrozen: false, isRefusing: false };
    const server = createServer((inner) => {
      if (state.isRefusing) {
        inner.destroy();
        return;
      }
      const outer = connect(targetPort, "127.0.0.1");
      for (const [from, to] of [
        [inner, outer],
        [outer, inner],
      ] as const) {
        sockets.add(from);
        from.setNoDelay(true);
        // A frozen connection discards its data, as a path that drops everything does.
        from.on("data", (chunk) => state.isFrozen || dead.has(from) || to.write(chunk));
        from.on("error", () => undefined);
        from.on("close", () => {
          sockets.delete(from);
          to.destroy();
        });
      }
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return new TcpProxy(address.port, server, sockets, dead, state);
  }

  /** Resets every connection; new ones are accepted. True when there was any. */
  cut(): boolean {
    for (const socket of this.#sockets) socket.resetAndDestroy();
    return this.#sockets.size > 0;
  }

  /** Connections stay open and new ones are accepted, but no data is forwarded. */
  freeze(): void {
    this.#state.isFrozen = true;
  }

  /** Resets every connection, and closes new ones at once. */
  refuse(): void {
    this.#state.isRefusing = true;
    this.cut();
  }

  /** Undoes `freeze` and `refuse`. Frozen connections stay frozen, unless `cutsFrozen` resets them. */
  restore({ cutsFrozen = true } = {}): void {
    if (this.#state.isFrozen && cutsFrozen) this.cut();
    if (this.#state.isFrozen) for (const socket of this.#sockets) this.#dead.add(socket);
    this.#state.isFrozen = false;
    this.#state.isRefusing = false;
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }
}
