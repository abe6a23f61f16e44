/**
 * Two hosts with a daemon each; the first has two uplinks and no flag selects the interface:
 *
 *     one  eth0  198.18.1.1/16 ── br0 198.18.0.1/16 ── eth0 198.18.1.2/16  two
 *          wlan0 198.19.1.1/16 ── br1 198.19.0.1/16
 *
 * The switch between them forwards. The bridge of each node's own subnet represents the pods.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HEALTH_PORT } from "../../src/lab/daemon.ts";
import { readHealthPage } from "../../src/lab/health-page.ts";
import { writeSysctls } from "../../src/lab/namespaces.ts";
import { type Ip, parseIp } from "../../src/net/index.ts";
import { replaceFile } from "../../src/runtime/atomic-file.ts";
import type { JsonObject } from "../../src/runtime/json.ts";
import { nodeFiles } from "../../src/runtime/node-files.ts";
import { DaemonProcess } from "./daemon-process.ts";
import { eventually } from "./eventually.ts";
import { Namespace } from "./netns.ts";
import { readPublished } from "./published-leases.ts";
import { TWEED } from "./test-lab.ts";

const FORWARDING = { "net/ipv4/ip_forward": "1", "net/ipv4/conf/all/rp_filter": "0" };

export class TwoHomed {
  readonly one: Namespace;
  readonly two: Namespace;
  /** The switch between them. */
  readonly between: Namespace;
  readonly #directory: string;
  readonly #daemons = new Map<Namespace, DaemonProcess>();

  private constructor(hosts: readonly [Namespace, Namespace, Namespace], directory: string) {
    [this.one, this.two, this.between] = hosts;
    this.#directory = directory;
  }

  /** @param label short, of letters and digits */
  static async create(label: string, backend: JsonObject = { Type: "vxlan" }): Promise<TwoHomed> {
    const between = await Namespace.create(`${label}s`);
    const one = await Namespace.create(`${label}a`);
    const two = await Namespace.create(`${label}b`);
    for (const each of [between, one, two]) await writeSysctls(each.name, FORWARDING);
    await between.ip(
      "link add br0 type bridge",
      "link add br1 type bridge",
      "address add 198.18.0.1/16 dev br0",
      "address add 198.19.0.1/16 dev br1",
      "link set br0 up",
      "link set br1 up",
      `link add p1 type veth peer name eth0 netns ${one.name}`,
      `link add p2 type veth peer name wlan0 netns ${one.name}`,
      `link add p3 type veth peer name eth0 netns ${two.name}`,
      ...["p1", "p3"].map((port) => `link set ${port} master br0 up`),
      "link set p2 master br1 up",
    );
    await one.ip(
      "address add 198.18.1.1/16 dev eth0 valid_lft 3600 preferred_lft 3600",
      "link set eth0 up",
      "address add 198.19.1.1/16 dev wlan0",
      "link set wlan0 up",
      "route add default via 198.18.0.1 dev eth0 metric 100",
      "route add default via 198.19.0.1 dev wlan0 metric 600",
    );
    await two.ip(
      "address add 198.18.1.2/16 dev eth0",
      "link set eth0 up",
      "route add default via 198.18.0.1 dev eth0",
    );
    const directory = await mkdtemp(join(tmpdir(), `tw-${label}-`));
    const bed = new TwoHomed([one, two, between], directory);
    const network = { Network: "10.244.0.0/16", Backend: backend };
    await replaceFile(nodeFiles, join(bed.#store, "config.json"), JSON.stringify(network), { mode: 0o644 });
    return bed;
  }

  get #store(): string {
    return join(this.#directory, "store");
  }

  /** Starts the host's daemon and waits until it is ready. */
  async start(host: Namespace, flags: readonly string[] = []): Promise<void> {
    const places = [
      "--store=file",
      `--store-path=${this.#store}`,
      `--subnet-file=${this.#subnetFile(host)}`,
      "--healthz-ip=127.0.0.1",
      `--healthz-port=${HEALTH_PORT}`,
    ];
    this.#daemons.set(host, DaemonProcess.start(host.name, [...TWEED, "run", ...places, ...flags]));
    await eventually(async () => (await readHealthPage(host.name, HEALTH_PORT, "/readyz")).status).toBe(200);
  }

  async stop(host: Namespace): Promise<void> {
    await this.#daemons.get(host)?.stop();
  }

  /** Everything that the host's daemon has printed. */
  output(host: Namespace): string {
    return this.#daemons.get(host)?.output ?? "";
  }

  /** Gives the host the bridge of its subnet, and returns the bridge's address. */
  async addBridge(host: Namespace): Promise<Ip> {
    const [, gateway = ""] = /^FLANNEL_SUBNET=(.+)\/24$/m.exec(await this.subnetEnv(host)) ?? [];
    await host.ip("link add cni0 type bridge", `address add ${gateway}/24 dev cni0`, "link set cni0 up");
    return parseIp(gateway);
  }

  subnetEnv(host: Namespace): Promise<string> {
    return readFile(this.#subnetFile(host), "utf8");
  }

  /** The published address of each lease, in the order of the addresses. */
  async published(): Promise<readonly string[]> {
    return (await readPublished(this.#store)).map(({ ip4 }) => ip4).sort();
  }

  /** The source address of the host's tunnel. */
  async tunnelSource(host: Namespace): Promise<unknown> {
    const [link] = await host.json("ip", "-d", "link", "show", "flannel.1");
    return (link as { linkinfo?: { info_data?: { local?: string } } }).linkinfo?.info_data?.local;
  }

  async delete(): Promise<void> {
    for (const daemon of this.#daemons.values()) await daemon.stop();
    for (const each of [this.one, this.two, this.between]) await each.delete();
    await rm(this.#directory, { recursive: true });
  }

  #subnetFile(host: Namespace): string {
    return join(this.#directory, host.name, "subnet.env");
  }
}
