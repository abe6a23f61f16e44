import { familyOf, type Ip } from "../net/index.ts";
import { probe } from "../probe/prober.ts";
import type { ProbeResult } from "../probe/tally.ts";
import { systemClock } from "../runtime/clock.ts";
import { systemRandom } from "../runtime/random.ts";
import { MeshSockets } from "./mesh-sockets.ts";

const PAYLOAD_BYTES = 56;

/** A source of pings. */
export interface MeshSource {
  /** Name in the report: "pod1", "node2". */
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

export interface MeshOptions {
  /** Requests from each source to each target. */
  readonly count: number;
  readonly intervalMs: number;
  /** How long to wait for the last replies. */
  readonly timeoutMs: number;
}

/** Pings every target but itself from every source, all sources at once. */
export async function pingMesh(
  sources: readonly MeshSource[],
  targets: readonly MeshTarget[],
  options: MeshOptions,
): Promise<MeshResult> {
  const families = new Set(targets.map(({ ip }) => familyOf(ip)));
  const sockets = await MeshSockets.open(
    sources.map(({ namespace }) => namespace),
    families,
  );
  try {
    return await pingThrough(sockets, sources, targets, options);
  } finally {
    await sockets.close();
  }
}

async function pingThrough(
  sockets: MeshSockets,
  sources: readonly MeshSource[],
  targets: readonly MeshTarget[],
  options: MeshOptions,
): Promise<MeshResult> {
  const probing = { ...options, payloadBytes: PAYLOAD_BYTES, identifier: systemRandom.below(0x10000) };
  const pairs = await Promise.all(
    sources.map(async (source) => {
      const others = targets.filter((target) => target.name !== source.name);
      if (others.length === 0) return [];
      const results = await probe(
        { ...probing, targets: others.map((target) => target.ip) },
        systemClock,
        sockets.opener(source.namespace),
        // One of its own: every probe has a listener on its signal, and Node.js warns of more than ten.
        new AbortController().signal,
      );
      return results.map((result, index) => ({ from: source.name, to: others[index]?.name ?? "", result }));
    }),
  );
  const all = pairs.flat();
  const total = (field: "sent" | "lost") => all.reduce((sum, pair) => sum + pair.result[field], 0);
  return { sent: total("sent"), lost: total("lost"), pairs: all };
}

/** A summary line, then a line for each pair with losses. */
export function describeMesh(mesh: MeshResult): string {
  const failures = mesh.pairs.filter((pair) => pair.result.lost > 0);
  const lines = failures.map(
    ({ from, to, result }) => `  ${from} -> ${to} (${result.target}): ${result.lost} of ${result.sent} lost`,
  );
  return [`${mesh.pairs.length} pairs, ${mesh.sent} pings sent, ${mesh.lost} lost`, ...lines].join("\n");
}
