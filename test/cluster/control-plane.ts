/** etcd and the three programs of a control plane, in a machine of their own. */
import { join } from "node:path";
import type { DualIp } from "../../src/net/index.ts";
import { type ProgramOptions, run } from "../../src/runtime/program.ts";
import { apiServerFlags, controllerManagerFlags, etcdFlags, schedulerFlags } from "./control-plane-flags.ts";
import type { Machine } from "./machine.ts";
import type { Families } from "./options.ts";
import type { Pki } from "./pki.ts";
import { Service } from "./service.ts";

export interface ControlPlaneSettings {
  readonly families: Families;
  readonly ips: DualIp;
  readonly pki: Pki;
  /** Directory with the programs of Kubernetes. */
  readonly programs: string;
  /** Directory of etcd's data. */
  readonly directory: string;
  /** Directory of the logs. */
  readonly logs: string;
  readonly signal: AbortSignal;
}

const API_SERVER = "kube-apiserver";

export class ControlPlane {
  readonly machine: Machine;
  readonly #settings: ControlPlaneSettings;
  /** By name: one that is started again takes the place of the former. */
  readonly #services = new Map<string, Service>();

  /** @param machine powered on, with its network */
  constructor(machine: Machine, settings: ControlPlaneSettings) {
    this.machine = machine;
    this.#settings = settings;
  }

  /** Resolves once the API server is ready; the controllers start by themselves. */
  async start(): Promise<void> {
    const { families, pki, directory } = this.#settings;
    const kubeconfig = (client: string) => pki.kubeconfigFile(client);
    const file = (name: string) => pki.file(name);
    await this.#run("etcd", ["etcd", ...etcdFlags(join(directory, "etcd"))]);
    await this.startApiServer();
    await Promise.all([
      this.#runKubernetes("kube-controller-manager", controllerManagerFlags(families, file, kubeconfig)),
      this.#runKubernetes("kube-scheduler", schedulerFlags(kubeconfig)),
    ]);
  }

  /** Resolves once it is ready. */
  async startApiServer(): Promise<void> {
    const { families, ips, pki, signal } = this.#settings;
    const flags = apiServerFlags(families, ips, (name) => pki.file(name));
    const server = await this.#runKubernetes(API_SERVER, flags);
    await server.untilReady(signal, async () => {
      try {
        const answer = await this.kubectl(["get", "--raw=/readyz", "--request-timeout=5s"]);
        return answer === "ok" ? null : answer;
      } catch (error) {
        return (error as Error).message;
      }
    });
  }

  async stopApiServer(signal: "SIGTERM" | "SIGKILL" = "SIGKILL"): Promise<void> {
    await this.#services.get(API_SERVER)?.stop(signal);
  }

  /** Runs kubectl as an administrator, and returns what it printed. */
  kubectl(args: readonly string[], options: ProgramOptions = {}): Promise<string> {
    const [program = "", ...words] = this.kubectlCommand(args);
    return run(program, words, options);
  }

  /** etcd and the programs of Kubernetes, also those that have ended. */
  get services(): readonly Service[] {
    return [...this.#services.values()];
  }

  /** Path of kubectl itself. */
  get kubectlProgram(): string {
    return join(this.#settings.programs, "kubectl");
  }

  kubectlCommand(args: readonly string[]): string[] {
    const kubeconfig = `--kubeconfig=${this.#settings.pki.kubeconfigFile("admin")}`;
    return this.machine.enterNetwork([this.kubectlProgram, kubeconfig, ...args]);
  }

  #runKubernetes(name: string, flags: readonly string[]): Promise<Service> {
    return this.#run(name, [join(this.#settings.programs, name), ...flags]);
  }

  async #run(name: string, command: readonly string[]): Promise<Service> {
    const logFile = join(this.#settings.logs, `${name}.log`);
    const service = await Service.start(this.machine, { name, command, logFile });
    this.#services.set(name, service);
    return service;
  }
}
