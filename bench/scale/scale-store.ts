import type { JsonObject } from "../../src/runtime/json.ts";
import type { SyntheticNode } from "./synthetic-nodes.ts";

export type ScaleStoreKind = "etcd" | "kubernetes";

/** A store with the leases of the synthetic nodes, written as their daemons would write them. */
export interface ScaleStore {
  /** Writes the network's configuration. */
  configure(backend: JsonObject): Promise<void>;
  /** Creates or replaces the lease of a node. */
  put(node: SyntheticNode): Promise<void>;
  /** Deletes the lease of a node that is no longer present. */
  remove(node: SyntheticNode): Promise<void>;
  /** Stops the store's server; every connection breaks. */
  stop(): Promise<void>;
  /** Starts it again with its data. */
  start(): Promise<void>;
  /** The requests for a list, or for a page of one, that the server has received so far. */
  listRequests(): Promise<number>;
  /** Ends the server and all connections. */
  close(): Promise<void>;
}

/** Runs `act` for all items, some at the same time. */
export async function forEachConcurrently<T>(
  items: readonly T[],
  limit: number,
  act: (item: T) => Promise<void>,
): Promise<void> {
  const remaining = items[Symbol.iterator]();
  const work = async () => {
    for (const item of remaining) await act(item);
  };
  await Promise.all(Array.from({ length: limit }, work));
}
