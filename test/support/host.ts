/** A host as data, for tests of code that inspects one: interfaces with addresses and default routes. */
import type { SelectionRequest } from "../../src/agent/underlay/interface-candidates.ts";
import {
  type InterfaceMemory,
  NO_PREFERENCES,
  type Preferences,
} from "../../src/agent/underlay/interface-memory.ts";
import { type SelectedInterface, selectInterface } from "../../src/agent/underlay/interface-selection.ts";
import type { UnderlayOptions } from "../../src/config/daemon-options.ts";
import type { Kernel } from "../../src/kernel/kernel.ts";
import type {
  InterfaceIndex,
  ObservedAddress,
  ObservedLink,
  ObservedRoute,
} from "../../src/kernel/observed.ts";
import { type Family, familyOf, parseIp, parsePrefix } from "../../src/net/index.ts";

type RouteTo = Awaited<ReturnType<Kernel["routeTo"]>>;

export class Host {
  readonly #links: ObservedLink[] = [];
  readonly #addresses: ObservedAddress[] = [];
  readonly #routes: ObservedRoute[] = [];
  readonly routeLookups: string[] = [];
  #answer: RouteTo = null;

  link(name: string, addresses: readonly (string | Partial<ObservedAddress>)[], changes = {}): this {
    this.#links.push({
      index: (this.#links.length + 1) as InterfaceIndex,
      name,
      kind: null,
      mac: null,
      mtuBytes: 1500,
      isUp: true,
      hasCarrier: true,
      isLoopback: name === "lo",
      settings: null,
      ...changes,
    });
    for (const address of addresses) {
      const { ip = parseIp("0.0.0.0"), ...flags } =
        typeof address === "string" ? { ip: parseIp(address) } : address;
      this.#addresses.push({
        iface: name,
        ip,
        length: familyOf(ip) === "v6" ? 64 : 24,
        isLinkLocal: /^(fe80:|169\.254\.)/.test(ip),
        isPermanent: true,
        isTemporary: false,
        isSecondary: false,
        isDeprecated: false,
        isTentative: false,
        ...flags,
      });
    }
    return this;
  }

  defaultRoute(family: Family, iface: string | null, metric = 0): this {
    const dst = parsePrefix(family === "v4" ? "0.0.0.0/0" : "::/0");
    this.#routes.push({ ...this.#route(iface, metric), dst });
    return this;
  }

  #route(iface: string | null, metric: number): Omit<ObservedRoute, "dst"> {
    return { via: null, iface, onlink: false, protocol: 3, metric, mtuBytes: null, source: null };
  }

  answersRouteLookup(answer: RouteTo): this {
    this.#answer = answer;
    return this;
  }

  route(dst: string, iface: string | null): this {
    this.#routes.push({ ...this.#route(iface, 0), dst: parsePrefix(dst) });
    return this;
  }

  /** The choice of a daemon that remembers its previous choice. */
  async choose(
    memory: InterfaceMemory,
    families: readonly Family[] = ["v4"],
    options: Partial<UnderlayOptions> = {},
  ): Promise<SelectedInterface> {
    const selected = await this.select(families, options, memory.preferences());
    memory.record(selected, this.#addresses);
    return selected;
  }

  select(
    families: readonly Family[],
    options: Partial<UnderlayOptions> = {},
    preferences: Preferences = NO_PREFERENCES,
  ): Promise<SelectedInterface> {
    const request: SelectionRequest = {
      state: { links: this.#links, addresses: this.#addresses, routes: this.#routes },
      families,
      options: {
        ifaces: [],
        ifaceRegexes: [],
        ifaceCanReach: null,
        publicIps: { v4: null, v6: null },
        ...options,
      },
      ownDevices: new Set(["flannel.1", "cni0"]),
      preferences,
    };
    return selectInterface(request, async (ip) => {
      this.routeLookups.push(ip);
      return this.#answer;
    });
  }
}
