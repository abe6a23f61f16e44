/**
 * A host with one neighbour, for suites that compare LinuxKernel with iproute2. The suite's process is inside.
 *
 *     [ here: eth0 192.0.2.1/24, 2001:db8::1/64 ] ---- veth ---- [ there: eth0 192.0.2.2/24, 2001:db8::2/64 ]
 */
import { expect } from "vitest";
import { LinuxKernel } from "../../src/kernel/linux-kernel.ts";
import type { Operation } from "../../src/kernel/operation.ts";
import type { FdbState, NeighbourState, RouteState } from "../../src/kernel/state.ts";
import { parseIp, parsePrefix } from "../../src/net/index.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { PEER_MAC } from "./flannel-samples.ts";
import { connect, Namespace } from "./netns.ts";

export class NetlinkHost {
  readonly here: Namespace;
  readonly kernel: LinuxKernel;
  readonly #there: Namespace;
  readonly #leave: () => void;

  private constructor(here: Namespace, there: Namespace, kernel: LinuxKernel, leave: () => void) {
    this.here = here;
    this.kernel = kernel;
    this.#there = there;
    this.#leave = leave;
  }

  static async open(label: string): Promise<NetlinkHost> {
    const here = await Namespace.create(label);
    const there = await Namespace.create(label);
    await connect(
      { namespace: here, iface: "eth0", addresses: ["192.0.2.1/24", "2001:db8::1/64"] },
      { namespace: there, iface: "eth0", addresses: ["192.0.2.2/24", "2001:db8::2/64"] },
    );
    const leave = await here.enter();
    return new NetlinkHost(here, there, await LinuxKernel.open({ log: silentLog }), leave);
  }

  /** Executes operations, all of which must succeed. */
  async done(...operations: readonly Operation[]): Promise<void> {
    expect((await this.kernel.apply(operations)).filter((outcome) => outcome !== null)).toEqual([]);
  }

  /** Executes operations. @returns the code of each failure */
  async codes(...operations: readonly Operation[]): Promise<(string | null)[]> {
    return (await this.kernel.apply(operations)).map((outcome) => outcome?.code ?? null);
  }

  async removeDevices(...names: readonly string[]): Promise<void> {
    await this.done(...names.map((name): Operation => ({ op: "delete-link", name })));
  }

  async close(): Promise<void> {
    this.kernel.close();
    this.#leave();
    await this.here.delete();
    await this.#there.delete();
  }
}

/** All objects of one peer on a VXLAN device. */
export function peer(iface: string, subnet: string, remote: string) {
  const dst = parsePrefix(subnet);
  const gateway = parseIp(subnet.slice(0, subnet.indexOf("/")));
  const neighbour: NeighbourState = { iface, ip: gateway, mac: PEER_MAC };
  const fdb: FdbState = { iface, mac: PEER_MAC, remote: parseIp(remote) };
  const route: RouteState = { dst, via: gateway, iface, onlink: true, protocol: 3, mtuBytes: null };
  return { neighbour, fdb, route };
}
