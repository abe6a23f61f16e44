/** The pages of a lab node's daemon on its health port. */
import type { CounterName } from "../../backends/udp/counters.ts";
import { HEALTH_PORT } from "../../src/lab/daemon.ts";
import { readHealthPage } from "../../src/lab/health-page.ts";
import type { LabNode } from "../../src/lab/topology.ts";
import type { StatusDocument } from "../../src/observe/status-document.ts";

export async function readStatus(node: LabNode): Promise<StatusDocument> {
  const { status, body } = await readHealthPage(node.namespace, HEALTH_PORT, "/status");
  if (status !== 200) throw new Error(`/status of ${node.name}: ${status} ${body}`);
  return JSON.parse(body) as StatusDocument;
}

export async function readMetrics(node: LabNode): Promise<string> {
  return (await readHealthPage(node.namespace, HEALTH_PORT, "/metrics")).body;
}

/** 503 or 200, and the reasons. */
export function readReadiness(node: LabNode) {
  return readHealthPage(node.namespace, HEALTH_PORT, "/readyz");
}

export async function readUdpCounters(node: LabNode): Promise<Readonly<Record<CounterName, number>>> {
  const { dataplane } = await readStatus(node);
  if (dataplane === null) throw new Error(`${node.name} carries nothing`);
  return dataplane.counters as unknown as Readonly<Record<CounterName, number>>;
}
