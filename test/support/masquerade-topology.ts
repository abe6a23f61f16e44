/**
 * A node with two pods, an outside host and the host of a remote pod, each on a cable of its own:
 *
 *   pod1 10.42.1.2 ─────┐                 ┌── 192.0.2.1  192.0.2.9, .10 outside
 *                       ├───── node ──────┤
 *   pod2 10.42.1.130 ───┘                 └── 192.0.3.1  192.0.3.2 remote, pod 10.42.2.2
 *
 * and the same in IPv6: fd00:10:244:1::2, fd00:10:244:1:8000::2, 2001:db8:2::9 and ::10, fd00:10:244:2::2.
 */
import { fileURLToPath } from "node:url";
import { AnsweringProcess } from "./answering-process.ts";
import { EndlessProgram } from "./endless-program.ts";
import { connect, Namespace } from "./netns.ts";

const TELLER = fileURLToPath(new URL("source-teller.mjs", import.meta.url));

export interface Question {
  readonly from: string;
  readonly to: string;
  readonly port?: number;
  /** Address of the interface that a multicast leaves by. */
  readonly via?: string;
}

export class MasqueradeTopology {
  readonly node: Namespace;
  readonly pod1: Namespace;
  readonly pod2: Namespace;
  readonly outside: Namespace;
  readonly remote: Namespace;
  readonly #tellers = new Map<Namespace, AnsweringProcess>();

  private constructor([node, pod1, pod2, outside, remote]: Record<number, Namespace> & Iterable<Namespace>) {
    if (!node || !pod1 || !pod2 || !outside || !remote) throw new Error("five namespaces make the topology");
    this.node = node;
    this.pod1 = pod1;
    this.pod2 = pod2;
    this.outside = outside;
    this.remote = remote;
  }

  static async create(label: string): Promise<MasqueradeTopology> {
    const namespaces: Namespace[] = [];
    for (let count = 0; count < 5; count++) namespaces.push(await Namespace.create(label));
    const topology = new MasqueradeTopology(namespaces);
    await topology.#wire();
    const { node, pod1, pod2, outside, remote } = topology;
    // It only sends requests.
    await topology.#serve(node, { addresses: [] });
    await topology.#serve(pod1, { addresses: ["10.42.1.2", "fd00:10:244:1::2"] });
    await topology.#serve(pod2, { addresses: ["10.42.1.130", "fd00:10:244:1:8000::2"] });
    await topology.#serve(remote, { addresses: ["10.42.2.2", "fd00:10:244:2::2"] });
    const addresses = ["192.0.2.9", "192.0.2.10", "2001:db8:2::9", "2001:db8:2::10"];
    await topology.#serve(outside, { addresses, group: "239.1.2.3" });
    return topology;
  }

  async #wire(): Promise<void> {
    const { node, pod1, pod2, outside, remote } = this;
    const cables = [
      [pod1, "pod1", ["10.42.1.1/25", "fd00:10:244:1::1/65"], ["10.42.1.2/25", "fd00:10:244:1::2/65"]],
      [
        pod2,
        "pod2",
        ["10.42.1.129/25", "fd00:10:244:1:8000::1/65"],
        ["10.42.1.130/25", "fd00:10:244:1:8000::2/65"],
      ],
      [
        outside,
        "out",
        ["192.0.2.1/24", "2001:db8:2::1/64"],
        ["192.0.2.9/24", "192.0.2.10/24", "2001:db8:2::9/64", "2001:db8:2::10/64"],
      ],
      [remote, "remote", ["192.0.3.1/24", "2001:db8:3::1/64"], ["192.0.3.2/24", "2001:db8:3::2/64"]],
    ] as const;
    for (const [namespace, iface, near, far] of cables) {
      await connect(
        { namespace: node, iface, addresses: near },
        { namespace, iface: "eth0", addresses: far },
      );
      for (const gateway of near) await namespace.ip(`route add default via ${gateway.split("/")[0]}`);
    }
    await remote.ip("addr add 10.42.2.2/32 dev lo", "addr add fd00:10:244:2::2/128 dev lo nodad");
    await node.ip("route add 10.42.2.0/24 via 192.0.3.2", "route add fd00:10:244:2::/64 via 2001:db8:3::2");
    await node.exec("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1");
    // The mark of kube-proxy, among other bits that are not its own.
    await node.exec(
      "nft",
      "table inet kube-proxy-marks { chain c { type filter hook prerouting priority mangle; udp dport 7001 meta mark set 0x4011; }; }",
    );
  }

  async #serve(
    namespace: Namespace,
    options: { addresses: readonly string[]; group?: string },
  ): Promise<void> {
    const teller = new AnsweringProcess(
      namespace,
      ...[process.execPath, TELLER, "serve", JSON.stringify(options)],
    );
    this.#tellers.set(namespace, teller);
    await teller.line();
  }

  /** The source of each request as the other side saw it; null without an answer. */
  async ask(namespace: Namespace, questions: readonly Question[]): Promise<readonly (string | null)[]> {
    const teller = this.#tellers.get(namespace);
    if (teller === undefined) throw new Error(`nobody asks from ${namespace.name}`);
    return JSON.parse(await teller.ask(JSON.stringify(questions)));
  }

  /**
   * Datagrams to each address in turn, each from a new socket and so of a new connection: about one per millisecond.
   */
  scatter(namespace: Namespace, to: readonly string[]): EndlessProgram {
    return new EndlessProgram(namespace, process.execPath, TELLER, "scatter", JSON.stringify({ to }));
  }

  async delete(): Promise<void> {
    for (const teller of this.#tellers.values()) await teller.kill();
    for (const namespace of [this.node, this.pod1, this.pod2, this.outside, this.remote])
      await namespace.delete();
  }
}
