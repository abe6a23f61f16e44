/** An answer of etcd to compare: bytes as text, and without what differs between any two clusters. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString("latin1")}`;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !OF_THE_CLUSTER.has(name))
      .map(([name, part]) => [name, plain(part)]),
  );
}

const OF_THE_CLUSTER = new Set(["cluster_id", "member_id", "raft_term"]);
