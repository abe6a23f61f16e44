/** The controllers of Kubernetes that a suite names, running on a real API server. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { REAL_ADMIN_TOKEN, type RealServer } from "../support/kube-api/real-server.ts";

const OUTPUT_LIMIT = 4_000;

export class ControllerManager {
  readonly #process: ChildProcess;
  #output = "";

  private constructor(process: ChildProcess) {
    this.#process = process;
    const keep = (text: Buffer) => {
      this.#output = (this.#output + text.toString()).slice(-OUTPUT_LIMIT);
    };
    process.stdout?.on("data", keep);
    process.stderr?.on("data", keep);
  }

  /** @param directory for its kubeconfig */
  static async start(
    program: string,
    { url, caFile }: RealServer,
    directory: string,
    controllers: readonly string[],
  ): Promise<ControllerManager> {
    const kubeconfig = join(directory, "controller-manager.kubeconfig");
    const config = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "c", cluster: { server: url, "certificate-authority": caFile } }],
      users: [{ name: "u", user: { token: REAL_ADMIN_TOKEN } }],
      contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
      "current-context": "x",
    };
    await writeFile(kubeconfig, JSON.stringify(config));
    const args = [
      `--kubeconfig=${kubeconfig}`,
      `--controllers=${controllers.join(",")}`,
      "--leader-elect=false",
      // It serves no port.
      "--secure-port=0",
    ];
    return new ControllerManager(spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] }));
  }

  /** @throws Error with its last output, if it has ended */
  checkRunning(): void {
    const { exitCode, signalCode } = this.#process;
    if (exitCode !== null || signalCode !== null)
      throw new Error(
        `kube-controller-manager ended with ${exitCode ?? signalCode}; it wrote:\n${this.#output}`,
      );
  }

  async stop(): Promise<void> {
    const { exitCode, signalCode, pid } = this.#process;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    this.#process.kill("SIGTERM");
    await once(this.#process, "exit");
  }
}
