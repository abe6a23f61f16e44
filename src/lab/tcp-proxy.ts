/** A TCP proxy on loopback whose connections can be cut, or left open and dead, at will. */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

interface Mood {
  isFrozen: boolean;
  isRefusing: boolean;
}

export class TcpProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;
  /** Frozen once and for all. */
  readonly #dead: WeakSet<Socket>;
  readonly #mood: Mood;

  private constructor(port: number, server: Server, sockets: Set<Socket>, dead: WeakSet<Socket>, mood: Mood) {
    this.port = port;
    this.#server = server;
    this.#sockets = sockets;
    this.#dead = dead;
    this.#mood = mood;
  }

  static async to(targetPort: number): Promise<TcpProxy> {
    const sockets = new Set<Socket>();
    const dead = new WeakSet<Socket>();
    const mood = { isFrozen: false, isRefusing: false };
    const server = createServer((inner) => {
      if (mood.isRefusing) {
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
        // A frozen connection loses what it was carrying, as a path that has gone dark does.
        from.on("data", (chunk) => mood.isFrozen || dead.has(from) || to.write(chunk));
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
    return new TcpProxy(address.port, server, sockets, dead, mood);
  }

  /** Every connection ends now; new ones are taken. True when there was any. */
  cut(): boolean {
    for (const socket of this.#sockets) socket.resetAndDestroy();
    return this.#sockets.size > 0;
  }

  /** Connections stay open, new ones are taken, and nothing gets through any more. */
  freeze(): void {
    this.#mood.isFrozen = true;
  }

  /** Nobody gets in, and who is in is thrown out. */
  refuse(): void {
    this.#mood.isRefusing = true;
    this.cut();
  }

  /** Undoes `freeze` and `refuse`. Frozen connections stay dead, and are closed only with `cutsFrozen`. */
  restore({ cutsFrozen = true } = {}): void {
    if (this.#mood.isFrozen && cutsFrozen) this.cut();
    if (this.#mood.isFrozen) for (const socket of this.#sockets) this.#dead.add(socket);
    this.#mood.isFrozen = false;
    this.#mood.isRefusing = false;
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }
}
