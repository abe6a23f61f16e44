/** A daemon's connections to the simulated API server. */
import type { Access } from "../../../src/lease/kubernetes/credentials.ts";
import type { ApiTransport, HttpRequest, HttpResponse } from "../../../src/lease/kubernetes/transport.ts";
import type { Life } from "../life.ts";
import type { HostLink } from "./host-link.ts";
import type { SimulatedApiServer } from "./simulated-api-server.ts";
import type { SimulatedExchange } from "./simulated-exchange.ts";

export class SimulatedTransport implements ApiTransport {
  readonly #server: SimulatedApiServer;
  readonly #link: HostLink;
  readonly #life: Life;
  readonly #open = new Set<SimulatedExchange>();

  constructor(server: SimulatedApiServer, link: HostLink, life: Life) {
    this.#server = server;
    this.#link = link;
    this.#life = life;
    life.onEnd(() => {
      for (const exchange of this.#open) exchange.destroy();
    });
  }

  async send(request: HttpRequest, _access: Access, signal: AbortSignal): Promise<HttpResponse> {
    await this.#life.step();
    signal.throwIfAborted();
    const exchange = this.#server.send(request, this.#link);
    this.#open.add(exchange);
    const abort = () => exchange.fail(new Error("The operation was aborted"));
    signal.addEventListener("abort", abort, { once: true });
    exchange.gone.addEventListener(
      "abort",
      () => {
        this.#open.delete(exchange);
        signal.removeEventListener("abort", abort);
      },
      { once: true },
    );
    const response = await this.#life.result(exchange.begun);
    return { ...response, chunks: guarded(response.chunks, this.#life) };
  }

  /** As an agent's `destroy`: sockets in use are closed too. */
  close(): void {
    for (const exchange of this.#open) exchange.fail(new Error("socket hang up"));
  }
}

function guarded(chunks: AsyncIterable<Buffer>, life: Life): AsyncIterable<Buffer> {
  return {
    [Symbol.asyncIterator]: () => {
      const iterator = chunks[Symbol.asyncIterator]();
      return {
        next: () => life.result(iterator.next()),
        return: async () => {
          await iterator.return?.();
          return { done: true, value: undefined };
        },
      };
    },
  };
}
