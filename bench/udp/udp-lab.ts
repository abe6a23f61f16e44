/** The measured lab, and streams through it. */
import type { DaemonProgram } from "../../src/lab/daemon.ts";
import { Lab } from "../../src/lab/lab.ts";
import { inNamespace } from "../../src/lab/namespaces.ts";
import { startInNamespace, waitForLog } from "../../src/lab/process.ts";
import type { LabFamilies, LabNode } from "../../src/lab/topology.ts";
import type { Ip } from "../../src/net/index.ts";
import { execute } from "../../src/runtime/program.ts";
import { type IperfMeasurement, iperfCommand, readIperf } from "../iperf.ts";
import { measurementOf } from "../measurement.ts";

const NAME = "benchudp";
const PORT = 5201;
const SERVER_TIMEOUT_MS = 10_000;

/** Replaces an earlier one, including leftovers of a killed run. */
export function buildUdpLab(
  tweed: readonly string[],
  { nodes, families }: { readonly nodes: number; readonly families: LabFamilies },
): Promise<Lab> {
  const program: DaemonProgram = { tweed, extraFlags: [] };
  return Lab.up({ name: NAME, nodes, backend: { Type: "udp" }, store: "file", families }, program);
}

export function removeUdpLab(): Promise<void> {
  return Lab.down(NAME);
}

export function nodesOf(lab: Lab): readonly [LabNode, LabNode] {
  const [first, second] = lab.nodes;
  if (first === undefined || second === undefined) throw new Error(`lab ${NAME} has no two nodes`);
  return [first, second];
}

/** TCP from the first node's pod to the second's. */
export class Stream {
  readonly #from: LabNode;
  readonly #to: Ip;

  private constructor(from: LabNode, to: Ip) {
    this.#from = from;
    this.#to = to;
  }

  static async open(lab: Lab): Promise<Stream> {
    const [first, second] = nodesOf(lab);
    const { v4, v6 } = await lab.podIps(second);
    const to = v4 ?? v6;
    if (to === null) throw new Error(`${second.podName} has no address`);
    const logFile = `${second.directory}/iperf3.log`;
    const command = ["iperf3", "-s", "-B", to, "-p", String(PORT), "--forceflush"];
    const pid = await startInNamespace(second.podNamespace, command, { logFile });
    await waitForLog({ name: "iperf3", pid, logFile }, "listening", SERVER_TIMEOUT_MS);
    return new Stream(first, to);
  }

  /** Gbit/s received. */
  async run(seconds: number, signal: AbortSignal): Promise<number> {
    const measurement = measurementOf("tcp") as IperfMeasurement;
    const command = iperfCommand(measurement, { ip: this.#to, port: PORT }, seconds);
    const timeoutMs = (seconds + 20) * 1000;
    const client = inNamespace(this.#from.podNamespace, command);
    return readIperf(measurement, (await execute("ip", client, { signal, timeoutMs })).stdout).value;
  }
}
