import { Lab } from "../src/lab/lab.ts";
import { startInNamespace, waitForLog } from "../src/lab/process.ts";
import type { LabNode, LabSpec } from "../src/lab/topology.ts";
import { TweedError } from "../src/runtime/error.ts";
import { labName } from "./guard.ts";
import type { Mode } from "./modes.ts";
import { podPlace } from "./place.ts";
import { FIRST_PORT, portsFrom, SERVING } from "./server.ts";
import type { Target } from "./target.ts";
import { readUsage } from "./usage.ts";

export interface LabTarget extends Target {
  readonly lab: Lab;
}

const SERVER_TIMEOUT_MS = 20_000;

/** Builds a lab of two nodes for a mode; its first pod measures towards its second. */
export async function buildLabTarget(
  mode: Mode,
  index: number,
  tweed: readonly string[],
): Promise<LabTarget> {
  const { name, backend, flags, otherDaemon } = mode;
  const spec: LabSpec = {
    name: labName(index),
    nodes: 2,
    backend,
    // Other daemons support only etcd.
    store: otherDaemon === null ? "file" : "etcd",
    families: "v4",
  };
  const lab = await Lab.up(spec, {
    tweed,
    extraFlags: flags,
    ...(otherDaemon === null ? {} : { otherDaemon }),
  });
  const [first, second] = lab.nodes;
  if (first === undefined || second === undefined) throw new RangeError(`lab ${spec.name} has no two nodes`);
  const { v4: serverIp } = await lab.podIps(second);
  if (serverIp === null) {
    throw new TweedError({
      code: "no-address",
      operation: `build the lab of ${name}`,
      reason: `the daemon gave ${second.podName} no IPv4 subnet`,
    });
  }
  await startServer(second, tweed, serverIp);
  const daemons = lab.nodes.map((node) => lab.daemonPid(node));
  return {
    mode: name,
    lab,
    client: podPlace(first.podNamespace),
    serverIp,
    ports: portsFrom(FIRST_PORT),
    tweed,
    usage: () => readUsage(daemons),
  };
}

async function startServer(node: LabNode, tweed: readonly string[], ip: string): Promise<void> {
  const logFile = `${node.directory}/bench-server.log`;
  const command = [...tweed, "bench", "--server", "--listen", ip];
  const pid = await startInNamespace(node.podNamespace, command, { logFile });
  await waitForLog({ name: `the server in ${node.podName}`, pid, logFile }, SERVING, SERVER_TIMEOUT_MS);
}
