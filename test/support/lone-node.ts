/**
 * One host with a daemon, whose store is a directory. Its peers are only leases in that directory:
 *
 *     [ eth0 198.18.1.1/16, fd00:198:18::1:1/64 ] ── [ cable ]
 *
 * For tests that inspect one node; tests in which packets must arrive need a lab.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lastGoodConfigFile } from "../../src/agent/configuration/last-good-config.ts";
import { retainedBackendsFile } from "../../src/agent/switch-over/retained-backends.ts";
import { HEALTH_PORT } from "../../src/lab/daemon.ts";
import { type HealthPage, readHealthPage } from "../../src/lab/health-page.ts";
import { writeSysctls } from "../../src/lab/namespaces.ts";
import { replaceFile } from "../../src/runtime/atomic-file.ts";
import type { JsonObject } from "../../src/runtime/json.ts";
import { nodeFiles } from "../../src/runtime/node-files.ts";
import { DaemonProcess } from "./daemon-process.ts";
import { Namespace } from "./netns.ts";
import { type Published, readPublished } from "./published-leases.ts";
import { TWEED } from "./test-lab.ts";

const PUBLIC_IP = "198.18.1.1";

export class LoneNode {
  readonly host: Namespace;
  /** Contains the store, subnet.env and the test's own files. */
  readonly directory: string;
  #daemon: DaemonProcess | null = null;

  private constructor(host: Namespace, directory: string) {
    this.host = host;
    this.directory = directory;
  }

  static async create(label: string): Promise<LoneNode> {
    const host = await Namespace.create(label);
    await writeSysctls(host.name, { "net/ipv4/ip_forward": "1", "net/ipv6/conf/all/forwarding": "1" });
    await host.ip(
      "link add eth0 type veth peer name cable",
      `address add ${PUBLIC_IP}/16 dev eth0`,
      "address add fd00:198:18::1:1/64 dev eth0 nodad",
      "link set eth0 up",
      "link set cable up",
      "route add default via 198.18.0.1 dev eth0",
      "route add default via fd00:198:18::1 dev eth0",
    );
    return new LoneNode(host, await mkdtemp(join(tmpdir(), `tw-${label}-`)));
  }

  /** The daemon that was started last. @throws Error before the first start */
  get daemon(): DaemonProcess {
    if (this.#daemon === null) throw new Error("no daemon was started");
    return this.#daemon;
  }

  get store(): string {
    return join(this.directory, "store");
  }

  get subnetFile(): string {
    return join(this.directory, "subnet.env");
  }

  /** Flags of the store, and of the daemon's paths and ports. */
  get flags(): readonly string[] {
    return ["--store=file", `--store-path=${this.store}`, ...this.places];
  }

  /** Flags of the daemon's paths and ports. */
  get places(): readonly string[] {
    return [`--subnet-file=${this.subnetFile}`, "--healthz-ip=127.0.0.1", `--healthz-port=${HEALTH_PORT}`];
  }

  /** Puts a network configuration into the store. */
  async configure(network: JsonObject): Promise<void> {
    await replaceFile(nodeFiles, join(this.store, "config.json"), JSON.stringify(network), { mode: 0o644 });
  }

  /** The lease that the daemon holds. */
  async ownLease(): Promise<Published> {
    const own = (await readPublished(this.store)).find(({ ip4 }) => ip4 === PUBLIC_IP);
    if (own === undefined) throw new Error("the node has no lease");
    return own;
  }

  /** Starts `tweed run`, or another command that takes its flags. */
  start(
    flags: readonly string[] = this.flags,
    environment: Readonly<Record<string, string>> = {},
    command: readonly string[] = [...TWEED, "run"],
    stderr: number | "pipe" = "pipe",
  ): DaemonProcess {
    this.#daemon = DaemonProcess.start(this.host.name, [...command, ...flags], environment, stderr);
    return this.#daemon;
  }

  /** Ends the daemon, if one runs, and removes all state of it from host and store, except subnet.env. */
  async forget(): Promise<void> {
    await this.#daemon?.stop();
    await rm(join(this.store, "subnets"), { recursive: true, force: true });
    await rm(retainedBackendsFile(this.subnetFile), { force: true });
    await rm(lastGoodConfigFile(this.subnetFile), { force: true });
  }

  page(path: string, method = "GET"): Promise<HealthPage> {
    return readHealthPage(this.host.name, HEALTH_PORT, path, method);
  }

  subnetEnv(): Promise<string> {
    return readFile(this.subnetFile, "utf8");
  }

  async delete(): Promise<void> {
    await this.#daemon?.stop();
    await this.host.delete();
    await rm(this.directory, { recursive: true });
  }
}
