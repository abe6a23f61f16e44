/** What the daemons of a lab hold at a moment: memory, descriptors, threads, kernel objects, rules, log lines. */
import { open, readdir, readFile, stat } from "node:fs/promises";
import { daemonLog } from "../../src/lab/daemon.ts";
import { readFirewallRules } from "../../src/lab/firewall-rules.ts";
import type { Lab } from "../../src/lab/lab.ts";
import { listNamespaces } from "../../src/lab/namespaces.ts";
import type { LabNode } from "../../src/lab/topology.ts";
import { run } from "../../src/runtime/program.ts";

export interface NodeSample {
  readonly node: string;
  readonly pid: number;
  readonly rssKib: number;
  readonly descriptors: number;
  readonly threads: number;
  /** Since the last sample. */
  readonly logLines: number;
  readonly nftObjects: number;
  /** Routes, neighbours and devices. */
  readonly kernelObjects: number;
}

export interface LabSample {
  readonly nodes: readonly NodeSample[];
  /** Of the whole machine: a network namespace is a file that somebody holds. */
  readonly namespaces: number;
  readonly harnessRssKib: number;
}

const KIB = 1024;

export class Sampler {
  readonly #lab: Lab;
  /** Bytes of each log that were counted. */
  readonly #counted = new Map<string, number>();

  constructor(lab: Lab) {
    this.#lab = lab;
  }

  async read(): Promise<LabSample> {
    const nodes: NodeSample[] = [];
    for (const node of this.#lab.nodes) {
      const sample = await this.#readNode(node);
      if (sample !== null) nodes.push(sample);
    }
    return {
      nodes,
      namespaces: (await listNamespaces("")).length,
      harnessRssKib: Math.round(process.memoryUsage().rss / KIB),
    };
  }

  /** null while the daemon is away. */
  async #readNode(node: LabNode): Promise<NodeSample | null> {
    const pid = this.#lab.daemonPid(node);
    const logLines = await this.#newLines(daemonLog(node));
    try {
      const status = await readFile(`/proc/${pid}/status`, "utf8");
      const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]);
      // proc_pid_status(5); a zombie has no memory.
      if (!Number.isFinite(field("VmRSS"))) return null;
      return {
        node: node.name,
        pid,
        rssKib: field("VmRSS"),
        threads: field("Threads"),
        descriptors: (await readdir(`/proc/${pid}/fd`)).length,
        logLines,
        nftObjects: (await readFirewallRules(node.namespace)).length,
        kernelObjects: await countKernelObjects(node),
      };
    } catch (error) {
      // The second where it ends between the opening of the file and the read.
      const isGone = ["ENOENT", "ESRCH"].includes(String((error as NodeJS.ErrnoException).code));
      if (isGone) return null;
      throw error;
    }
  }

  async #newLines(file: string): Promise<number> {
    const from = this.#counted.get(file) ?? 0;
    const { size } = await stat(file);
    const bytes = Buffer.alloc(Math.max(0, size - from));
    const handle = await open(file, "r");
    try {
      await handle.read(bytes, 0, bytes.length, from);
    } finally {
      await handle.close();
    }
    this.#counted.set(file, size);
    return bytes.filter((byte) => byte === 10).length;
  }
}

async function countKernelObjects({ namespace }: LabNode): Promise<number> {
  const tables = [["link"], ["address"], ["route"], ["neighbour", "show", "nud", "permanent"]];
  const texts = await Promise.all(tables.map((words) => run("ip", ["-n", namespace, "-j", ...words])));
  return texts.reduce((sum, text) => sum + (JSON.parse(text) as unknown[]).length, 0);
}
