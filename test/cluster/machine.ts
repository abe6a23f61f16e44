/**
 * A machine: its own namespaces for network, mounts, processes, host name and System V IPC, whose first process only
 * reaps orphans. When that process ends the kernel ends all others, including containers, and removes the mounts and
 * devices; it ends with this program, also when that is killed. Its processes see the host's files unless something is
 * mounted over them.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { TweedError } from "../../src/runtime/error.ts";
import { type ProgramOptions, run } from "../../src/runtime/program.ts";
import { waitUntil } from "../smoke/wait-until.ts";
import { childrenOf, commandName, signalProcess } from "./process-tree.ts";

const INIT = ["tini", "--", "sleep", "infinity"];
/** Environment variable that names the cluster. */
export const CLUSTER_VARIABLE = "TWEED_CLUSTER";
const INIT_NAME = "tini";

export class Machine {
  readonly name: string;
  /** Of all processes started here, to find them: names the cluster. */
  readonly environment: NodeJS.ProcessEnv;
  readonly #signal: AbortSignal;
  #holder: ChildProcess | null = null;
  #init = 0;

  /** @param name its host name @param cluster name of the cluster @param signal aborts waits */
  constructor(name: string, cluster: string, signal: AbortSignal) {
    this.name = name;
    this.environment = { ...process.env, [CLUSTER_VARIABLE]: cluster };
    this.#signal = signal;
  }

  /** Process number of the machine's first process, as this program sees it. @throws TweedError `machine-off` */
  get init(): number {
    if (this.#holder !== null && this.#init !== 0) return this.#init;
    throw new TweedError({ code: "machine-off", operation: `use machine ${this.name}`, reason: "it is off" });
  }

  get netns(): string {
    return `/proc/${this.init}/ns/net`;
  }

  /** The machine's file system as seen from outside; an absolute symbolic link in it leads out. */
  get root(): string {
    return `/proc/${this.init}/root`;
  }

  async boot(): Promise<void> {
    const own = ["--net", "--mount", "--uts", "--ipc", "--pid", "--mount-proc", "--propagation=private"];
    // setpriv's parent is this program, unshare's child is INIT: the end of each ends the next.
    const holder = spawn(
      "setpriv",
      ["--pdeathsig=KILL", "--", "unshare", ...own, "--fork", "--kill-child=KILL", "--", ...INIT],
      // In a session of its own, so that Ctrl-C reaches only this program.
      { cwd: "/", detached: true, stdio: ["ignore", "ignore", "pipe"], env: this.environment },
    );
    let complaint = "";
    holder.stderr.on("data", (chunk: Buffer) => {
      complaint += chunk;
    });
    await once(holder, "spawn");
    this.#holder = holder;
    await waitUntil(`boot machine ${this.name}`, this.#signal, async () => {
      if (holder.exitCode !== null || holder.signalCode !== null)
        throw new TweedError({
          code: "program-failed",
          operation: `boot machine ${this.name}`,
          reason: complaint.trim(),
        });
      const [init] = await childrenOf(holder.pid ?? 0);
      if (init === undefined || (await commandName(init)) !== INIT_NAME) return "it has no first process";
      this.#init = init;
      return null;
    });
    await this.run(["hostname", this.name]);
  }

  /** Simulates a power failure. */
  async halt(): Promise<void> {
    const holder = this.#holder;
    if (holder === null) return;
    const ended = holder.exitCode !== null || holder.signalCode !== null ? null : once(holder, "close");
    if (this.#init !== 0) signalProcess(this.#init, "SIGKILL");
    else holder.kill("SIGKILL");
    await ended;
    this.#holder = null;
    this.#init = 0;
  }

  /** Program and arguments that run a command inside, seeing the machine's processes, mounts and network. */
  enter(command: readonly string[]): string[] {
    const namespaces = ["--net", "--mount", "--uts", "--ipc", "--pid"];
    return ["nsenter", `--target=${this.init}`, ...namespaces, "--wd", "--", ...command];
  }

  /** The same with the machine's network only; files and processes are those of this program. */
  enterNetwork(command: readonly string[]): string[] {
    return ["nsenter", `--net=${this.netns}`, "--", ...command];
  }

  run(command: readonly string[], options: ProgramOptions = {}): Promise<string> {
    const [program = "", ...args] = this.enter(command);
    return run(program, args, options);
  }

  runInNetwork(command: readonly string[], options: ProgramOptions = {}): Promise<string> {
    const [program = "", ...args] = this.enterNetwork(command);
    return run(program, args, options);
  }

  /** Mounts the entries of a table in the format of fstab(5). */
  async mountAll(table: string): Promise<void> {
    await this.run(["mount", "--all", "--fstab", table]);
  }
}
