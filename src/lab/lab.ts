import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { type DualIp, FAMILIES } from "../net/index.ts";
import { messageOf, TweedError } from "../runtime/error.ts";
import { execute, type ProgramResult, run } from "../runtime/program.ts";
import { type DaemonProgram, runDirectory, startDaemon, storeAccess, waitUntilReady } from "./daemon.ts";
import { unmountBelow } from "./disk.ts";
import { startEtcd } from "./etcd-process.ts";
import { startKubeApi, tellKubeApi } from "./kube-api-process.ts";
import { describeMesh, type MeshOptions, type MeshResult, type MeshSource, pingMesh } from "./mesh.ts";
import { deleteNamespaces, inNamespace, listNamespaces } from "./namespaces.ts";
import { writeNodeConfig } from "./node-config.ts";
import { PingStream } from "./ping-stream.ts";
import { attachPod, readPodIps } from "./pod.ts";
import { isAlive, type StopSignal, stopProcess } from "./process.ts";
import {
  checkLabSpec,
  type LabNode,
  type LabSpec,
  labDirectory,
  labNetworkConfig,
  labNodes,
  namespacePrefix,
  switchNamespace,
} from "./topology.ts";
import { buildSwitch, connectNode } from "./underlay.ts";

/** The record of a lab on disk, for commands after `lab up`. */
interface LabRecord {
  readonly spec: LabSpec;
  readonly program: DaemonProgram;
  /** Process number of each node's daemon, by node name. */
  readonly daemons: Readonly<Record<string, number>>;
  /** Process number of the store; 0 for a store without a process. */
  readonly store: number;
}

const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 60_000;
/** On a busy machine replies are late, which is no loss. */
const LAST_REPLY_MS = 10_000;
/** Before the mesh is complete, replies do not arrive, so a longer timeout has no use. */
const MESH_REPLY_MS = 1000;

/** Several hosts on one machine, as namespaces on a bridge, each with a real daemon. */
export class Lab {
  readonly spec: LabSpec;
  readonly nodes: readonly LabNode[];
  readonly #program: DaemonProgram;
  readonly #daemons: Map<string, number>;
  #store: number;

  private constructor(record: LabRecord) {
    this.spec = record.spec;
    this.nodes = labNodes(record.spec);
    this.#program = record.program;
    this.#daemons = new Map(Object.entries(record.daemons));
    this.#store = record.store;
  }

  /** Builds the lab, after removing an earlier one of this name. */
  static async up(spec: LabSpec, program: DaemonProgram): Promise<Lab> {
    checkLabSpec(spec);
    await Lab.down(spec.name);
    const lab = new Lab({ spec, program, daemons: {}, store: 0 });
    try {
      await lab.#build();
      return lab;
    } catch (error) {
      await Lab.down(spec.name);
      throw error;
    }
  }

  /** The lab that an earlier process built. @throws TweedError `no-lab` */
  static async open(name: string): Promise<Lab> {
    const file = recordFile(name);
    try {
      return new Lab(JSON.parse(await readFile(file, "utf8")) as LabRecord);
    } catch (cause) {
      throw new TweedError({
        code: "no-lab",
        operation: `open lab ${name}`,
        reason: `there is none (${messageOf(cause)}); start it with: tweed lab up --name ${name}`,
        cause,
      });
    }
  }

  /** Ends the daemons of the lab and removes all that it created, also after a crash. */
  static async down(name: string): Promise<void> {
    await deleteNamespaces(await listNamespaces(namespacePrefix(name)));
    await unmountBelow(labDirectory(name));
    await rm(labDirectory(name), { recursive: true, force: true });
  }

  async #build(): Promise<void> {
    const { spec } = this;
    for (const node of this.nodes) await mkdir(runDirectory(node), { recursive: true });
    await buildSwitch(spec);
    for (const node of this.nodes) await connectNode(spec, node);
    await this.startStore();
    await this.configure(spec.backend);
    for (const node of this.nodes) await this.startDaemon(node);
    await Promise.all(this.nodes.map((node) => this.waitUntilReady(node)));
    for (const node of this.nodes) await attachPod(node);
    await this.waitForMesh(spec.readyTimeoutMs ?? READY_TIMEOUT_MS);
  }

  /** Writes a network configuration with this `Backend` object to the store; for Kubernetes, to a file of each node. */
  async configure(backend: LabSpec["backend"]): Promise<void> {
    if (this.spec.store === "kubernetes") {
      for (const node of this.nodes) await writeNodeConfig(this.spec, node, backend);
      return;
    }
    const file = `${labDirectory(this.spec.name)}/net-conf.json`;
    await writeFile(file, JSON.stringify(labNetworkConfig({ ...this.spec, backend })));
    await this.tweedInSwitch(["store", "configure", file]);
  }

  /** Runs `tweed` with this lab's store flags in the switch's namespace, which can reach the store. */
  tweedInSwitch(args: readonly string[]): Promise<string> {
    const { flags, env } = storeAccess(this.spec, "operator");
    const command = [...this.#program.tweed, ...args, ...flags];
    return run("ip", inNamespace(switchNamespace(this.spec.name), command), { env });
  }

  /** Starts the store where it is a program, with its earlier data. */
  async startStore(): Promise<void> {
    switch (this.spec.store) {
      case "file":
        return;
      case "etcd":
        this.#store = await startEtcd(this.spec);
        break;
      case "kubernetes":
        if (isAlive(this.#store)) await tellKubeApi(this.spec.name, "open");
        else this.#store = await startKubeApi(this.spec, this.#program.tweed.at(-1) ?? "");
        break;
    }
    await this.#saveRecord();
  }

  /**
   * Stops the store. An API server has its objects in memory, so it only closes its port. @throws TweedError
   * `program-alive`
   */
  async stopStore(signal: StopSignal): Promise<void> {
    if (this.spec.store === "kubernetes") {
      await tellKubeApi(this.spec.name, "close");
      return;
    }
    await stopProcess(this.#store, signal, STOP_TIMEOUT_MS);
  }

  /** Process number of the store; 0 for a store without a process. */
  get storePid(): number {
    return this.#store;
  }

  async startDaemon(node: LabNode): Promise<void> {
    this.#daemons.set(node.name, await startDaemon(this.spec, node, this.#program));
    await this.#saveRecord();
  }

  daemonPid(node: LabNode): number {
    return this.#daemons.get(node.name) ?? 0;
  }

  /** Signals the node's daemon and waits until it has ended. @throws TweedError `program-alive` */
  async stopDaemon(node: LabNode, signal: StopSignal, timeoutMs = STOP_TIMEOUT_MS): Promise<void> {
    await stopProcess(this.daemonPid(node), signal, timeoutMs);
  }

  waitUntilReady(node: LabNode): Promise<void> {
    return waitUntilReady(node, this.daemonPid(node), this.spec.readyTimeoutMs ?? READY_TIMEOUT_MS);
  }

  /** Runs a command on "node2" or in "pod2". */
  exec(place: string, command: readonly string[]): Promise<ProgramResult> {
    return execute("ip", inNamespace(this.namespaceOf(place), command), { timeoutMs: 600_000 });
  }

  /** @throws TweedError `usage` for an unknown place */
  namespaceOf(place: string): string {
    for (const node of this.nodes) {
      if (place === node.name) return node.namespace;
      if (place === node.podName) return node.podNamespace;
    }
    throw new TweedError({
      code: "usage",
      operation: `find ${JSON.stringify(place)} in lab ${this.spec.name}`,
      reason: `expected node1 to node${this.nodes.length} or pod1 to pod${this.nodes.length}`,
    });
  }

  podIps(node: LabNode): Promise<DualIp> {
    return readPodIps(node);
  }

  /** Pings from every pod to every other pod, and from every node to every pod, in each family. */
  async ping(options: Omit<MeshOptions, "timeoutMs"> & Partial<MeshOptions>): Promise<MeshResult> {
    const sources: MeshSource[] = this.nodes.flatMap((node) => [
      { name: node.podName, namespace: node.podNamespace },
      { name: node.name, namespace: node.namespace },
    ]);
    const targets = await Promise.all(
      this.nodes.map(async (node) => {
        const ips = await this.podIps(node);
        return FAMILIES.flatMap((family) => {
          const ip = ips[family];
          return ip === null ? [] : [{ name: node.podName, ip }];
        });
      }),
    );
    return pingMesh(sources, targets.flat(), { timeoutMs: LAST_REPLY_MS, ...options });
  }

  /** Pings from one node's pod to another's, in the first family of the lab, until the stream is stopped. */
  async startPings(from: LabNode, to: LabNode, intervalMs: number): Promise<PingStream> {
    const { v4, v6 } = await this.podIps(to);
    const targets = [v4 ?? v6].filter((ip) => ip !== null);
    return PingStream.start(from.podNamespace, targets, this.#program.tweed, intervalMs);
  }

  async #saveRecord(): Promise<void> {
    const { spec } = this;
    const daemons = Object.fromEntries(this.#daemons);
    const record: LabRecord = { spec, program: this.#program, daemons, store: this.#store };
    await writeFile(recordFile(spec.name), JSON.stringify(record));
  }

  /**
   * Waits until all pings are answered. A daemon is ready when its own peers are programmed; the path back depends on
   * the other daemon.
   */
  async waitForMesh(timeoutMs: number): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs;
    for (let round = 1; ; round++) {
      const mesh = await this.ping({ count: 1, intervalMs: 10, timeoutMs: MESH_REPLY_MS });
      if (mesh.lost === 0) return;
      if (performance.now() < deadlineMs) continue;
      throw new TweedError({
        code: "not-ready",
        operation: `wait for the mesh of lab ${this.spec.name}`,
        reason: `round ${round}: ${describeMesh(mesh)}`,
      });
    }
  }
}

function recordFile(name: string): string {
  return `${labDirectory(name)}/lab.json`;
}
