import type { Log } from "../../runtime/log.ts";
import type { PeerPath } from "../network-plan.ts";

/** A change of configuration moves every peer: more than this many at once get one line for all. */
const MAX_LINES = 16;

/** Logs which backend carries packets to each peer, when that changes. */
export class PathLog {
  readonly #log: Log;
  #known = new Map<string, string>();

  constructor(log: Log) {
    this.#log = log;
  }

  report(paths: readonly PeerPath[]): void {
    const changed = paths.filter((path) => this.#known.get(path.peer) !== path.channel);
    if (changed.length > MAX_LINES) {
      const counts: Record<string, number> = {};
      for (const { channel } of paths) counts[channel] = (counts[channel] ?? 0) + 1;
      const reason = Object.entries(counts)
        .map(([channel, count]) => `${count} peers by ${channel}`)
        .join(", ");
      this.#log.info({ op: "choose-path", count: changed.length, reason }, "paths changed");
    } else {
      for (const { peer, channel, reason } of changed) {
        this.#log.info({ op: "choose-path", peer, backend: channel, reason }, "path chosen");
      }
    }
    for (const { peer, channel } of changed) this.#known.set(peer, channel);
    // One of thousands of peers has gone, or none.
    if (this.#known.size > paths.length)
      this.#known = new Map(paths.map(({ peer, channel }) => [peer, channel]));
  }
}
