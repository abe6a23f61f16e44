/** One history: nodes, disturbances, then quiet, and what must hold in the end. The same seed gives the same one. */
import { isDeepStrictEqual } from "node:util";
import { disturb } from "./lease-acts.ts";
import { LeaseCluster } from "./lease-cluster.ts";

export interface HistoryResult {
  readonly trace: readonly string[];
  readonly violations: readonly string[];
  readonly simulatedMs: number;
}

/** Longer than any lease lives, with what it takes to notice, retry and list. */
const QUIET_MS = 400_000;
const MAX_PAUSE_MS = 20_000;

export async function runHistory(seed: number, steps: number): Promise<HistoryResult> {
  const cluster = new LeaseCluster(seed);
  const { random, clock, etcd, nodes, oracle, time } = cluster;
  const trace: string[] = [];
  try {
    for (const node of nodes) await node.start();
    for (let step = 0; step < steps; step++) {
      await clock.sleep(random.below(random.below(2) === 0 ? 200 : MAX_PAUSE_MS));
      trace.push(await disturb(cluster));
    }
    etcd.heal();
    for (const node of nodes) if (!node.isRunning) await node.start();
    await clock.sleep(QUIET_MS);
    checkConverged(cluster);
    const held = nodes.map((node) => node.held?.key);
    await clock.sleep(QUIET_MS);
    checkConverged(cluster);
    if (
      !isDeepStrictEqual(
        held,
        nodes.map((node) => node.held?.key),
      )
    )
      oracle.fail("leases changed although nothing happened");
    for (const node of nodes)
      trace.push(`${node.name} ${node.held?.key} ${node.log.lines.length} lines of log`);
    return { trace, violations: oracle.violations, simulatedMs: time.nowMs };
  } finally {
    cluster.close();
  }
}

/** Adds to the oracle's list what is not as it must be when nothing has happened for a while. */
export function checkConverged({ nodes, etcd, oracle }: LeaseCluster): void {
  const stored = [...etcd.leases()].sort(byKey);
  const holders = new Map<string, string>();
  for (const { name, held, identity, ip, snapshot, outage } of nodes) {
    if (outage !== null) oracle.fail(`${name} reports an outage: ${outage}`);
    if (held === null) oracle.fail(`${name} holds no lease`);
    else {
      const other = holders.get(held.key);
      if (other !== undefined) oracle.fail(`${name} and ${other} both hold ${held.key}`);
      holders.set(held.key, name);
      const found = stored.find(({ key }) => key === held.key);
      if (found === undefined) oracle.fail(`${name} holds ${held.key}, which etcd does not have`);
      else if (found.identity?.id !== identity.id || found.publicIps.v4 !== ip)
        oracle.fail(
          `${name} holds ${held.key}, which is ${found.identity?.hostName}'s at ${found.publicIps.v4}`,
        );
      else if (!isDeepStrictEqual(found.offers, held.offers))
        oracle.fail(
          `${name} believes to offer ${JSON.stringify(held.offers)}, etcd has ${JSON.stringify(found.offers)}`,
        );
    }
    const read = [...(snapshot?.leases ?? [])].sort(byKey);
    if (!isDeepStrictEqual(read, stored))
      oracle.fail(`${name} reads ${read.map(({ key }) => key)}, etcd has ${stored.map(({ key }) => key)}`);
  }
}

const byKey = (a: { readonly key: string }, b: { readonly key: string }) => (a.key < b.key ? -1 : 1);
