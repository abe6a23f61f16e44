/** Whether a lab is right: each daemon ready with a path to every peer, the kernels as before, and every ping answered. */
import { isDeepStrictEqual } from "node:util";
import type { LinuxKernel } from "../../src/kernel/linux-kernel.ts";
import { HEALTH_PORT } from "../../src/lab/daemon.ts";
import { readHealthPage } from "../../src/lab/health-page.ts";
import { openKernelOf, stableObjects } from "../../src/lab/kernel-view.ts";
import type { Lab } from "../../src/lab/lab.ts";
import { describeMesh } from "../../src/lab/mesh.ts";
import type { LabNode } from "../../src/lab/topology.ts";
import type { StatusDocument } from "../../src/observe/status-document.ts";

const REPLY_MS = 1000;

export class RightState {
  readonly #lab: Lab;
  readonly #kernels: readonly LinuxKernel[];
  /** Kernel objects of each node; null while a backend changes. */
  #expected: readonly (readonly string[])[] | null = null;

  private constructor(lab: Lab, kernels: readonly LinuxKernel[]) {
    this.#lab = lab;
    this.#kernels = kernels;
  }

  static async of(lab: Lab): Promise<RightState> {
    const kernels: LinuxKernel[] = [];
    for (const { namespace } of lab.nodes) kernels.push(await openKernelOf(namespace));
    return new RightState(lab, kernels);
  }

  /** From now on the kernels' present objects are the right ones. */
  async remember(): Promise<void> {
    this.#expected = await this.#objects();
  }

  /** From now on any objects are right with which pings pass. */
  forget(): void {
    this.#expected = null;
  }

  /** @returns the first fault that was found; null when all is right */
  async whatIsWrong(): Promise<string | null> {
    if (this.#expected !== null) {
      const found = await this.#objects();
      const at = found.findIndex((objects, index) => !isDeepStrictEqual(objects, this.#expected?.[index]));
      if (at >= 0) return `${this.#lab.nodes[at]?.name}: ${difference(this.#expected[at], found[at])}`;
    }
    for (const node of this.#lab.nodes) {
      const fault = await this.#faultOf(node);
      if (fault !== null) return `${node.name}: ${fault}`;
    }
    const mesh = await this.#lab.ping({ count: 1, intervalMs: 10, timeoutMs: REPLY_MS });
    return mesh.lost === 0 ? null : describeMesh(mesh);
  }

  close(): void {
    for (const kernel of this.#kernels) kernel.close();
  }

  async #faultOf(node: LabNode): Promise<string | null> {
    const page = await readHealthPage(node.namespace, HEALTH_PORT, "/status");
    if (page.status !== 200) return `no status (${page.status})`;
    const { ready, reasons, peers, unreached } = JSON.parse(page.body) as StatusDocument;
    if (!ready) return `not ready: ${reasons.join("; ")}`;
    if (unreached.length > 0) return `unreached: ${JSON.stringify(unreached)}`;
    const expected = this.#lab.nodes.length - 1;
    return peers.length === expected ? null : `${peers.length} peers, expected ${expected}`;
  }

  /** Without link-local addresses: a TUN device that is made anew has another one. */
  #objects(): Promise<readonly (readonly string[])[]> {
    return Promise.all(
      this.#kernels.map(async (kernel) => {
        const state = await kernel.observe();
        const addresses = state.addresses.filter(({ isLinkLocal }) => !isLinkLocal);
        return stableObjects({ ...state, addresses });
      }),
    );
  }
}

function difference(expected: readonly string[] = [], found: readonly string[] = []): string {
  const missing = expected.filter((each) => !found.includes(each)).map((each) => `missing ${each}`);
  const extra = found.filter((each) => !expected.includes(each)).map((each) => `unexpected ${each}`);
  return [...missing, ...extra].slice(0, 4).join("; ");
}
