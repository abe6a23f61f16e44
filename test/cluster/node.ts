/** A node: a machine with containerd, kubelet and kube-proxy, and a disk that outlives reboots. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { DualIp, Ip } from "../../src/net/index.ts";
import { ipsOf, switchIps } from "./address-plan.ts";
import { makeCgroup, removeCgroup } from "./cgroups.ts";
import { importImage, podNetns, startContainerd } from "./containerd.ts";
import { kubeletFlags } from "./kubelet-config.ts";
import { Machine } from "./machine.ts";
import { MACHINE_PATHS } from "./machine-paths.ts";
import { mountTable, type NodeDiskSettings, prepareDisk, renewBootId } from "./node-disk.ts";
import { Service } from "./service.ts";
import { isListening } from "./sockets.ts";
import { connect, setCable } from "./underlay.ts";

export interface NodeSettings extends NodeDiskSettings {
  /** Name of the cluster. */
  readonly cluster: string;
  /** The machine with the switch. */
  readonly hub: Machine;
  /** The node's files. */
  readonly disk: string;
  /** Directory of the logs. */
  readonly logs: string;
  readonly signal: AbortSignal;
}

const KUBELET_PORT = 10250;
const PROXY_HEALTH_PORT = 10256;

export class ClusterNode {
  readonly name: string;
  readonly ips: DualIp;
  readonly machine: Machine;
  readonly #settings: NodeSettings;
  #containerd: Service | null = null;
  #kubelet: Service | null = null;
  #proxy: Service | null = null;

  constructor(settings: NodeSettings) {
    this.name = settings.host.name;
    this.ips = settings.host.ips;
    this.machine = new Machine(this.name, settings.cluster, settings.signal);
    this.#settings = settings;
  }

  /** The first boot. Resolves once containerd runs; the node joins its cluster by {@link join}. */
  async install(): Promise<void> {
    await prepareDisk(this.#settings.disk, this.#settings);
    await this.#boot();
  }

  /** IPv4 first. */
  get addresses(): Ip[] {
    return ipsOf(this.ips);
  }

  /** Path of its network namespace; another one after a reboot. */
  get netns(): string {
    return this.machine.netns;
  }

  get logFiles(): { readonly containerd: string; readonly kubelet: string; readonly kubeProxy: string } {
    const file = (program: string) => join(this.#settings.logs, `${this.name}-${program}.log`);
    return { containerd: file("containerd"), kubelet: file("kubelet"), kubeProxy: file("kube-proxy") };
  }

  /** containerd, kubelet and kube-proxy, also those that have ended. */
  get services(): readonly Service[] {
    return [this.#containerd, this.#kubelet, this.#proxy].filter((service) => service !== null);
  }

  /** Program and arguments that run a command on the node. */
  enter(command: readonly string[]): string[] {
    return this.machine.enter(command);
  }

  /** @param archive path of a docker-archive */
  loadImage(archive: string): Promise<void> {
    return importImage(this.machine, archive);
  }

  /** Path of the network namespace of a pod on this node; null if it has none of its own. */
  podNetns(uid: string): Promise<string | null> {
    return podNetns(this.machine, uid);
  }

  /** Starts the kubelet, which registers the node, and kube-proxy. Resolves once both serve. */
  async join(): Promise<void> {
    await Promise.all([this.#startKubelet(), this.#startProxy()]);
  }

  async restartKubelet(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    await this.#kubelet?.stop(signal);
    await this.#startKubelet();
  }

  /** Containers continue: their shims are separate processes. */
  async restartContainerd(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    await this.#containerd?.stop(signal);
    await this.#startContainerd();
  }

  async restartProxy(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    await this.#proxy?.stop(signal);
    await this.#startProxy();
  }

  /** Power cycle: all namespaces are new, /run and /tmp empty, the disk unchanged. */
  async reboot(): Promise<void> {
    await this.machine.halt();
    await this.#boot();
    await this.join();
  }

  /** Unplugs the cable to the switch, or plugs it in. */
  async setCable(plugged: boolean): Promise<void> {
    await setCable(this.#settings.hub, this.#settings.host, plugged);
  }

  async #boot(): Promise<void> {
    const { hub, host, disk, families, cgroup, signal } = this.#settings;
    await removeCgroup(cgroup, signal);
    await makeCgroup(cgroup);
    await renewBootId(disk);
    await this.machine.boot();
    await this.machine.mountAll(mountTable(disk));
    await connect(hub, this.machine, host, switchIps(families));
    await this.#startContainerd();
  }

  async #startContainerd(): Promise<void> {
    const { signal } = this.#settings;
    this.#containerd = await startContainerd(this.machine, this.logFiles.containerd, signal);
  }

  async #startKubelet(): Promise<void> {
    const flags = kubeletFlags(this.#settings.host);
    this.#kubelet = await this.#start("kubelet", this.logFiles.kubelet, flags, KUBELET_PORT);
  }

  async #startProxy(): Promise<void> {
    const flags = [`--config=${MACHINE_PATHS.proxyConfig}`];
    this.#proxy = await this.#start("kube-proxy", this.logFiles.kubeProxy, flags, PROXY_HEALTH_PORT);
  }

  async #start(name: string, logFile: string, flags: readonly string[], port: number): Promise<Service> {
    const command = [`${MACHINE_PATHS.kubernetes}/${name}`, ...flags];
    const service = await Service.start(this.machine, { name: `${name} of ${this.name}`, command, logFile });
    await service.untilReady(this.#settings.signal, async () => {
      const sockets = await Promise.all(
        ["tcp", "tcp6"].map((table) => readFile(`/proc/${this.machine.init}/net/${table}`, "utf8")),
      );
      return sockets.some((table) => isListening(table, port)) ? null : `nothing listens on port ${port}`;
    });
    return service;
  }
}
