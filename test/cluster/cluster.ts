/**
 * A Kubernetes cluster on this machine: a machine with the switch, one with the control plane, and the nodes. It ends
 * with the program that started it, also when that is killed.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { requirePrograms } from "../../src/lab/requirements.ts";
import { waitUntil } from "../smoke/wait-until.ts";
import { controlPlaneHost, nodeHost, switchIps } from "./address-plan.ts";
import { joinCgroup, makeCgroup } from "./cgroups.ts";
import { ControlPlane } from "./control-plane.ts";
import { agnhostImage, pauseImage } from "./images/test-images.ts";
import { CLUSTER_PROGRAMS, kubernetesPrograms } from "./kubernetes-programs.ts";
import { Machine } from "./machine.ts";
import { ClusterNode } from "./node.ts";
import { missingOf, type NodeList, podRoutes } from "./node-objects.ts";
import type { ClusterOptions } from "./options.ts";
import { Pki } from "./pki.ts";
import { type ClusterPod, findPod } from "./pods.ts";
import { startTicks } from "./process-tree.ts";
import { type ClusterRecord, NAME_PREFIX, writeRecord } from "./records.ts";
import type { Service } from "./service.ts";
import { sweep } from "./sweep.ts";
import { buildSwitch, connect, ipBatch } from "./underlay.ts";

export class Cluster {
  readonly name: string;
  readonly options: ClusterOptions;
  /** Directory of the log files. */
  readonly logs: string;
  readonly #record: ClusterRecord;
  readonly #guard: ChildProcess;
  readonly #signal: AbortSignal;
  readonly #hub: Machine;
  readonly #nodes: ClusterNode[] = [];
  #controlPlane: ControlPlane | null = null;
  #kubeconfig = "";

  private constructor(options: ClusterOptions, record: ClusterRecord, guard: ChildProcess) {
    this.name = record.name;
    this.options = options;
    this.logs = options.directory ?? join(record.directory, "logs");
    this.#record = record;
    this.#guard = guard;
    this.#signal = options.signal ?? new AbortController().signal;
    this.#hub = new Machine("switch", this.name, this.#signal);
  }

  /**
   * Resolves once all nodes are registered and have their podCIDRs. There is no network for pods yet.
   * @param images docker-archives that each node gets, besides those of Kubernetes' own tests
   */
  static async start(
    options: ClusterOptions,
    log: (line: string) => void,
    images: readonly string[] = [],
  ): Promise<Cluster> {
    await requirePrograms(PROGRAMS, log);
    const programs = await kubernetesPrograms(options.version, CLUSTER_PROGRAMS, log);
    const pause = await pauseImage(options.version, log);
    const agnhost = await agnhostImage(options.version, log);
    const directory = await mkdtemp(join(tmpdir(), NAME_PREFIX));
    const name = basename(directory);
    const owner = { pid: process.pid, startTicks: await startTicks(process.pid) };
    const record = { name, owner, directory, kubectl: null };
    await writeRecord(record);
    const cluster = new Cluster(options, record, startGuard(name));
    try {
      await cluster.#start(programs, pause.names[0] ?? "", [pause.archive, agnhost.archive, ...images], log);
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  get nodes(): readonly ClusterNode[] {
    return this.#nodes;
  }

  get controlPlane(): ControlPlane {
    if (this.#controlPlane === null) throw new Error("the cluster has not been started");
    return this.#controlPlane;
  }

  /**
   * Path of the administrator's kubeconfig; the API server is reachable from the control plane's network and from
   * nodes.
   */
  get kubeconfig(): string {
    return this.#kubeconfig;
  }

  /** The programs of control plane and nodes, also those that have ended. */
  get services(): readonly Service[] {
    return [...this.controlPlane.services, ...this.#nodes.flatMap(({ services }) => services)];
  }

  /** Runs kubectl as the administrator, and returns what it printed. */
  kubectl(args: readonly string[], stdin?: string): Promise<string> {
    return this.controlPlane.kubectl(args, stdin === undefined ? {} : { input: stdin });
  }

  apply(manifest: string): Promise<string> {
    return this.kubectl(["apply", "--filename=-"], manifest);
  }

  pod(namespace: string, name: string): Promise<ClusterPod> {
    return findPod(this, namespace, name);
  }

  /** Gives the control plane routes to the pods via their nodes, as a cloud would. */
  async routePodsFromControlPlane(): Promise<void> {
    const list = JSON.parse(await this.kubectl(["get", "nodes", "--output=json"])) as NodeList;
    await ipBatch(this.controlPlane.machine, podRoutes(list));
  }

  /** Ends and removes everything. */
  async stop(): Promise<void> {
    const machines = [...this.#nodes.map(({ machine }) => machine), this.#controlPlane?.machine, this.#hub];
    await Promise.all(machines.map((machine) => machine?.halt()));
    await sweep(this.#record, new AbortController().signal);
    if (this.#guard.exitCode !== null) return;
    const ended = once(this.#guard, "exit");
    this.#guard.ref();
    this.#guard.stdin?.destroy();
    await ended;
  }

  async #start(
    programs: string,
    sandboxImage: string,
    images: readonly string[],
    log: (line: string) => void,
  ): Promise<void> {
    const { families, proxy, nodes } = this.options;
    const { directory } = this.#record;
    const signal = this.#signal;
    const logs = this.logs;
    const hosts = Array.from({ length: nodes }, (_, index) => nodeHost(families, index + 1));
    const host = controlPlaneHost(families);
    const pkiDirectory = join(directory, "pki");
    for (const path of [logs, pkiDirectory]) await mkdir(path, { recursive: true });

    await makeCgroup(`/${this.name}/switch`);
    const pki = await Pki.create(pkiDirectory, families, host.ips, hosts);
    await this.#hub.boot();
    await joinCgroup(`/${this.name}/switch`, this.#hub.init);
    await buildSwitch(this.#hub, families);

    const common = { families, pki, programs, logs, signal };
    const machine = new Machine(host.name, this.name, signal);
    const controlPlane = new ControlPlane(machine, { ...common, ips: host.ips, directory });
    this.#controlPlane = controlPlane;
    this.#kubeconfig = pki.kubeconfigFile("admin");
    for (const nodeHost of hosts) {
      const disk = join(directory, nodeHost.name);
      const cgroup = `/${this.name}/${nodeHost.name}`;
      const place = { cluster: this.name, hub: this.#hub, host: nodeHost, disk, cgroup };
      this.#nodes.push(new ClusterNode({ ...common, ...place, proxy, sandboxImage }));
    }
    const startControlPlane = async () => {
      await machine.boot();
      await connect(this.#hub, machine, host, switchIps(families));
      await controlPlane.start();
      await writeRecord({ ...this.#record, kubectl: controlPlane.kubectlCommand([]) });
      log("the API server is ready");
    };
    const controlPlaneReady = startControlPlane();
    const bringUp = async (node: ClusterNode) => {
      await node.install();
      const joined = controlPlaneReady.then(() => node.join());
      const loaded = (async () => {
        for (const image of images) await node.loadImage(image);
      })();
      await settleAll([joined, loaded]);
    };
    await settleAll([controlPlaneReady, ...this.#nodes.map(bringUp)]);
    await waitUntil("register the nodes", signal, async () => {
      const list = JSON.parse(await this.kubectl(["get", "nodes", "--output=json"])) as NodeList;
      return missingOf(list, hosts, families);
    });
    // Without it admission refuses every pod.
    await waitUntil("make the service account of pods", signal, () =>
      this.kubectl(["get", "serviceaccount", "default"]).then(
        () => null,
        (error: Error) => error.message,
      ),
    );
    log(`${nodes} nodes are registered`);
  }
}

const PROGRAMS = [
  "ip",
  "openssl",
  "etcd",
  "runc",
  "iptables",
  "nft",
  "containerd",
  "tini",
  "/usr/lib/cni/bridge",
] as const;

function startGuard(name: string): ChildProcess {
  const program = fileURLToPath(new URL("cluster-guard.mjs", import.meta.url));
  const guard = spawn(process.execPath, [program, name], {
    detached: true,
    stdio: ["pipe", "ignore", "inherit"],
  });
  guard.unref();
  return guard;
}

/** Fails with the first failure, but only after all have ended: a start in progress cannot be stopped. */
async function settleAll(work: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  for (const result of results) if (result.status === "rejected") throw result.reason;
}
