/** Objects of other programs in a host's kernel, some as similar to ours as possible: they must stay as they are. */
import type { ObservedRule } from "../../src/kernel/observed.ts";
import { ROUTE_PROTOCOL } from "../../src/kernel/state.ts";
import { parseIp, parseIpv4, parseMac, parsePrefix } from "../../src/net/index.ts";
import { isSameData } from "../../src/runtime/same-data.ts";
import type { FakeKernel } from "../support/fake-kernel.ts";

/** No interface flap takes them away. */
const BRIDGE = "docker0";
const TUNNEL = "vxlan77";
const MAC = parseMac("02:00:00:00:77:04");

export const FOREIGN_KINDS = [
  "bridge",
  "route inside the network",
  "route with our protocol",
  "blackhole of the network",
  "tunnel",
  "neighbour",
  "rule",
  "virtual address",
] as const;
export type ForeignKind = (typeof FOREIGN_KINDS)[number];

interface Placed {
  readonly what: string;
  /** The object as the kernel has it now. */
  find(): unknown;
  readonly placed: unknown;
}

export class ForeignObjects {
  readonly kernel: FakeKernel;
  readonly #placed = new Map<string, Placed>();

  constructor(kernel: FakeKernel) {
    this.kernel = kernel;
  }

  place(kind: ForeignKind): void {
    const kernel = this.kernel;
    const fields = { via: null, iface: BRIDGE, onlink: false, mtuBytes: null, source: null };
    this.#bridge();
    switch (kind) {
      case "bridge":
        return;
      case "route inside the network":
        this.#route({
          ...fields,
          dst: parsePrefix("10.244.250.0/24"),
          protocol: 4,
          metric: 77,
        });
        return;
      case "route with our protocol":
        this.#route({
          ...fields,
          dst: parsePrefix("172.31.0.0/16"),
          protocol: ROUTE_PROTOCOL.tweed,
          metric: 0,
        });
        return;
      case "blackhole of the network":
        this.#route({
          ...fields,
          iface: null,
          dst: parsePrefix("10.244.0.0/16"),
          protocol: 4,
          metric: 4000,
        });
        return;
      case "tunnel": {
        if (kernel.links.has(TUNNEL)) return;
        const local = [...kernel.addresses].find(({ iface }) => iface === "eth0")?.ip;
        if (local === undefined) return;
        kernel.addDevice(TUNNEL, { kind: "vxlan", mac: MAC });
        const entry = { iface: TUNNEL, mac: MAC, remote: parseIp("192.0.2.240"), isPermanent: true };
        kernel.putObservedFdb(entry);
        this.#track("link vxlan77", () => kernel.links.get(TUNNEL));
        this.#track("fdb of vxlan77", () => kernel.fdb.filter(({ iface }) => iface === TUNNEL));
        return;
      }
      case "neighbour": {
        const entry = { iface: BRIDGE, ip: parseIp("172.17.0.9"), mac: MAC, isPermanent: true };
        kernel.putObservedNeighbour(entry);
        this.#track("neighbour 172.17.0.9", () => kernel.neighbours.filter(({ iface }) => iface === BRIDGE));
        return;
      }
      case "rule": {
        const rule: ObservedRule = {
          ...{ family: "v4", priority: 5000, table: 77, routes: [], destination: null },
          source: parsePrefix("172.17.0.0/16"),
        };
        kernel.putRules([...kernel.rules.filter(({ priority }) => priority !== rule.priority), rule]);
        this.#track("rule 5000", () => kernel.rules.filter(({ priority }) => priority === rule.priority));
        return;
      }
      case "virtual address": {
        const address = { iface: "eth0", ip: parseIpv4("192.0.2.250"), length: 32 };
        kernel.execute({ op: "add-address", address });
        this.#track("address 192.0.2.250", () => kernel.addresses.find(({ ip }) => ip === address.ip));
      }
    }
  }

  /** Those that are not as they were. */
  touched(): readonly string[] {
    const texts: string[] = [];
    for (const { what, placed, find } of this.#placed.values()) {
      const now = find();
      if (now !== placed && !isSameData(now, placed))
        texts.push(`${what} was ${JSON.stringify(placed)} and is ${JSON.stringify(now)}`);
    }
    return texts;
  }

  #bridge(): void {
    const kernel = this.kernel;
    if (kernel.links.has(BRIDGE)) return;
    kernel.addDevice(BRIDGE, { kind: "bridge" });
    kernel.execute({
      op: "add-address",
      address: { iface: BRIDGE, ip: parseIpv4("172.17.0.1"), length: 16 },
    });
    this.#track("link docker0", () => kernel.links.get(BRIDGE));
    this.#track("address of docker0", () => kernel.addresses.find(({ iface }) => iface === BRIDGE));
    this.#track("route of docker0", () => kernel.routes.find(({ dst }) => dst === "172.17.0.0/16"));
  }

  #route(route: Parameters<FakeKernel["putObservedRoute"]>[0]): void {
    const kernel = this.kernel;
    kernel.putObservedRoute(route);
    this.#track(`route ${route.dst} metric ${route.metric}`, () =>
      kernel.routes.find(({ dst, metric }) => dst === route.dst && metric === route.metric),
    );
  }

  #track(what: string, find: () => unknown): void {
    this.#placed.set(what, { what, find, placed: find() });
  }
}
