import type { Ip } from "../net/index.ts";
import type { ProbeResult } from "../probe/tally.ts";
import { TweedError } from "../runtime/error.ts";
import { execute } from "../runtime/program.ts";
import { inNamespace } from "./namespaces.ts";

/** A place that pings are sent from. */
export interface MeshSource {
  /** "pod1", "node2": what the report calls it. */
  readonly name: string;
  readonly namespace: string;
}
export interface MeshTarget {
  readonly name: string;
  readonly ip: Ip;
}

export interface MeshResult {
  readonly sent: number;
  readonly lost: number;
  readonly pairs: readonly { readonly from: string; readonly to: string; readonly result: ProbeResult }[];
}

/** Pings from every source to every target but itself, all sources at once. */
export async function pingMesh(
  sources: readonly MeshSource[],
  targets: readonly MeshTarget[],
  tweed: readonly string[],
  options: { readonly count: number; readonly intervalMs: number },
): Promise<MeshResult> {
  const pairs = await Promise.all(
    sources.map(async (source) => {
      const others = targets.filter((target) => target.name !== source.name);
      if (others.length === 0) return [];
      const results = await probeFrom(
        source.namespace,
        others.map((target) => target.ip),
        tweed,
        options,
      );
      return results.map((result, index) => ({ from: source.name, to: others[index]?.name ?? "", result }));
    }),
  );
  const all = pairs.flat();
  const total = (field: "sent" | "lost") => all.reduce((sum, pair) => sum + pair.result[field], 0);
  return { sent: total("sent"), lost: total("lost"), pairs: all };
}

async function probeFrom(
  namespace: string,
  targets: readonly Ip[],
  tweed: readonly string[],
  options: { readonly count: number; readonly intervalMs: number },
): Promise<ProbeResult[]> {
  const command = [
    ...tweed,
    "probe",
    `--count=${options.count}`,
    `--interval-ms=${options.intervalMs}`,
    "--json",
    ...targets,
  ];
  const timeoutMs = options.count * options.intervalMs + 30_000;
  const { stdout, stderr } = await execute("ip", inNamespace(namespace, command), { timeoutMs });
  // The exit code tells of losses, which are a result here; without one there is no JSON.
  if (stdout.startsWith("[")) return JSON.parse(stdout) as ProbeResult[];
  throw new TweedError({
    code: "program-failed",
    operation: `ping from ${namespace}`,
    reason: stderr.trim() || stdout.trim(),
  });
}

/** One line for a person: who reached whom, and what was lost. */
export function describeMesh(mesh: MeshResult): string {
  const failures = mesh.pairs.filter((pair) => pair.result.lost > 0);
  const lines = failures.map(
    ({ from, to, result }) => `  ${from} -> ${to} (${result.target}): ${result.lost} of ${result.sent} lost`,
  );
  return [`${mesh.pairs.length} pairs, ${mesh.sent} pings sent, ${mesh.lost} lost`, ...lines].join("\n");
}
