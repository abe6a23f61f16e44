import type { StoreOptions } from "../config/store-options.ts";
import type { LeaseStore, StoreSurroundings } from "../lease/store.ts";

/**
 * Loads only the requested store: each has libraries of its own.
 * @param mayCreate whether to create a store that does not exist, where that is possible
 */
export async function openStore(
  options: StoreOptions,
  surroundings: StoreSurroundings,
  { mayCreate }: { readonly mayCreate: boolean } = { mayCreate: true },
): Promise<LeaseStore> {
  switch (options.kind) {
    case "etcd": {
      const { createClient } = await import("../lease/etcd/client.ts");
      const { EtcdStore } = await import("../lease/etcd/store.ts");
      return new EtcdStore(options, { ...surroundings, connect: createClient });
    }
    case "file": {
      const { FileStore } = await import("../lease/file/store.ts");
      return new FileStore({ ...options, mayCreate }, surroundings);
    }
    case "kubernetes": {
      const { KubernetesStore } = await import("../lease/kubernetes/store.ts");
      const { NodeHttp } = await import("../lease/kubernetes/node-http.ts");
      const connect = (idleMs: number) => new NodeHttp(idleMs);
      return new KubernetesStore(options, { ...surroundings, connect });
    }
  }
}
