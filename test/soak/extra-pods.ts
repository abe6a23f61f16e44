/** Pods that come and go on the nodes of a lab, each reached from another node before it counts. */
import type { Lab } from "../../src/lab/lab.ts";
import { deleteNamespaces } from "../../src/lab/namespaces.ts";
import type { Random } from "../../src/runtime/random.ts";
import { waitUntil } from "../smoke/wait-until.ts";
import { addPod } from "../support/added-pod.ts";

const MOST_PODS = 6;
const FIRST_PLACE = 8;

export class ExtraPods {
  readonly #lab: Lab;
  readonly #random: Random;
  readonly #namespaces: string[] = [];
  #made = 0;

  constructor(lab: Lab, random: Random) {
    this.#lab = lab;
    this.#random = random;
  }

  /** Makes a pod or removes one. @returns what it did */
  async change(signal: AbortSignal): Promise<string> {
    const isFull = this.#namespaces.length === MOST_PODS;
    if (isFull || (this.#namespaces.length > 0 && this.#random.below(2) === 0)) return this.#remove();
    return this.#add(signal);
  }

  async #add(signal: AbortSignal): Promise<string> {
    const { nodes, spec } = this.#lab;
    const number = this.#random.below(nodes.length);
    const [node, other] = [nodes[number], nodes[(number + 1) % nodes.length]];
    if (node === undefined || other === undefined) throw new Error(`no node ${number}`);
    const name = `x${++this.#made}`;
    // A place is free again long before its turn comes.
    const place = BigInt(FIRST_PLACE + (this.#made % 200));
    const { namespace, ips } = await addPod(spec.name, node, { name, place });
    this.#namespaces.push(namespace);
    const ping = ["ping", "-c", "1", "-W", "1", String(ips[0])];
    await waitUntil(`pod ${name} answers`, signal, async () => {
      const { exitCode, stdout } = await this.#lab.exec(other.podName, ping);
      return exitCode === 0 ? null : stdout;
    });
    return `pod ${name} added on ${node.name}`;
  }

  async #remove(): Promise<string> {
    const [namespace = ""] = this.#namespaces.splice(this.#random.below(this.#namespaces.length), 1);
    await deleteNamespaces([namespace]);
    return `pod ${namespace} removed`;
  }
}
