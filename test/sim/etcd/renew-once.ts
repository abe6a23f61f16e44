import type { SimulatedClient } from "./simulated-client.ts";

/** One renewal of a lease on a stream of its own. @returns etcd's answer */
export async function renewOnce(client: Pick<SimulatedClient, "leaseClient">, ID: string): Promise<unknown> {
  const stream = await client.leaseClient.leaseKeepAlive();
  try {
    return await new Promise((resolve, reject) => {
      stream.on("data", resolve).on("error", reject);
      stream.write({ ID });
    });
  } finally {
    stream.end();
    stream.cancel();
  }
}
