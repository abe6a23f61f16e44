/**
 * Network namespaces for tests. A namespace is named `tw-<label>-<pid>-<n>`: it is deleted at the latest when this
 * process ends, and the next run with the same label removes namespaces of a killed run.
 */
import { execFileSync } from "node:child_process";
import { NetworkNamespaces } from "../../src/kernel/libc/network-namespace.ts";
import {
  createNamespace,
  deleteNamespaces,
  inNamespace,
  ipBatch,
  listNamespaces,
} from "../../src/lab/namespaces.ts";
import { run } from "../../src/runtime/program.ts";

export class Namespace {
  static #count = 0;
  readonly name: string;
  readonly #deleteOnExit = () => execFileSync("ip", ["netns", "delete", this.name]);

  private constructor(name: string) {
    this.name = name;
    process.once("exit", this.#deleteOnExit);
  }

  /** A new namespace with its loopback up. The label is short, of letters, digits and "-". */
  static async create(label: string): Promise<Namespace> {
    await deleteNamespaces(await leftovers(label));
    Namespace.#count += 1;
    const name = `tw-${label}-${process.pid}-${Namespace.#count}`;
    await createNamespace(name);
    return new Namespace(name);
  }

  /** Lines of iproute2's own syntax, all or up to the first that fails: "link add br0 type bridge". */
  async ip(...lines: readonly string[]): Promise<void> {
    await ipBatch(this.name, lines);
  }

  /** Runs a program inside and returns what it printed. */
  exec(...command: readonly string[]): Promise<string> {
    return run("ip", inNamespace(this.name, command));
  }

  /** As {@link exec}, for programs that print JSON: `json("ip", "-d", "link")`. */
  async json(program: "ip" | "bridge", ...args: readonly string[]): Promise<Record<string, unknown>[]> {
    const text = await this.exec(program, "-j", ...args);
    return text.trim() === "" ? [] : JSON.parse(text);
  }

  /** As {@link enterNamespace}. */
  enter(): Promise<() => void> {
    return enterNamespace(this.name);
  }

  async delete(): Promise<void> {
    process.removeListener("exit", this.#deleteOnExit);
    await deleteNamespaces([this.name]);
  }
}

/**
 * Moves the main thread into a namespace: sockets it opens, synchronous file calls below /proc/sys and programs it
 * starts belong to it from then on. Only for suites that run in a process of their own.
 *
 * @returns a function that moves the thread back
 */
export async function enterNamespace(name: string): Promise<() => void> {
  return (await NetworkNamespaces.open()).enter(name);
}

export interface VethEnd {
  readonly namespace: Namespace;
  readonly iface: string;
  /** With its length: "192.0.2.1/24". */
  readonly addresses?: readonly string[];
}

/** A cable between two namespaces, both ends up; IPv6 addresses are usable at once. */
export async function connect(a: VethEnd, b: VethEnd): Promise<void> {
  await a.namespace.ip(`link add ${a.iface} type veth peer name ${b.iface} netns ${b.namespace.name}`);
  for (const { namespace, iface, addresses = [] } of [a, b]) {
    await namespace.ip(
      ...addresses.map(
        (address) => `addr add ${address} dev ${iface}${address.includes(":") ? " nodad" : ""}`,
      ),
      `link set ${iface} up`,
    );
  }
}

/** A bridge, up, that joins interfaces of one namespace. */
export async function bridge(namespace: Namespace, name: string, ports: readonly string[]): Promise<void> {
  await namespace.ip(
    `link add ${name} type bridge`,
    `link set ${name} up`,
    ...ports.map((port) => `link set ${port} master ${name}`),
  );
}

/** Namespaces of runs whose process has ended. */
async function leftovers(label: string): Promise<string[]> {
  const names = await listNamespaces(`tw-${label}-`);
  return names.filter((name) => !isAlive(Number(/-(\d+)-\d+$/.exec(name)?.[1] ?? process.pid)));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
