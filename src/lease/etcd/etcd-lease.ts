/** Requests about etcd's own leases: a time to live with keys attached. */
import type { ILeaseKeepAliveResponse } from "etcd3";
import type { Clock } from "../../runtime/clock.ts";
import type { EtcdConnection } from "./connection.ts";
import { isEtcdError } from "./error.ts";

/** The lease id of a key without a lease. */
export const NO_LEASE = "0";

export interface GrantedLease {
  readonly id: string;
  readonly ttlMs: number;
  /** Monotonic; counted from before the request, so never later than in etcd. */
  readonly expiresAtMs: number;
}

/** etcd may grant a longer time to live than requested. */
export async function grantLease(
  connection: EtcdConnection,
  ttlSeconds: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<GrantedLease> {
  const sentAtMs = clock.nowMs();
  const answer = await connection.read("grant an etcd lease", signal, (client) =>
    client.leaseClient.leaseGrant({ TTL: ttlSeconds }),
  );
  return lease(answer.ID, Number(answer.TTL), sentAtMs);
}

/** Extends a lease by its granted time to live; null when it has expired or was revoked. */
export async function renewLease(
  connection: EtcdConnection,
  id: string,
  timeoutMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<GrantedLease | null> {
  const sentAtMs = clock.nowMs();
  const answer = await connection.read("renew an etcd lease", signal, async (client) => {
    const stream = await client.leaseClient.leaseKeepAlive();
    const timer = clock.startTimer(timeoutMs, () => stream.cancel());
    try {
      return await new Promise<ILeaseKeepAliveResponse>((resolve, reject) => {
        stream
          .on("data", resolve)
          .on("error", reject)
          .on("end", () => reject(new Error("etcd closed the stream")));
        stream.write({ ID: id });
      });
    } finally {
      timer.cancel();
      stream.end();
      stream.cancel();
    }
  });
  const ttlSeconds = Number(answer.TTL);
  return ttlSeconds > 0 ? lease(id, ttlSeconds, sentAtMs) : null;
}

/** Also deletes the attached keys; a lease that is already gone is no error. */
export async function revokeLease(
  connection: EtcdConnection,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    await connection.read("revoke an etcd lease", signal, (client) =>
      client.leaseClient.leaseRevoke({ ID: id }),
    );
  } catch (error) {
    if (!isEtcdError(error, "store-lease-gone")) throw error;
  }
}

function lease(id: string, ttlSeconds: number, sentAtMs: number): GrantedLease {
  const ttlMs = ttlSeconds * 1000;
  return { id, ttlMs, expiresAtMs: sentAtMs + ttlMs };
}
