/**
 * What the choice of interface remembers, so that it does not change with every event: an interface or address in force
 * stays while it is usable, and is chosen again when it returns after a short absence.
 */
import type { ObservedAddress } from "../../kernel/observed.ts";
import { type DualIp, FAMILIES, type Family, familyOf, type Ip } from "../../net/index.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { SelectedInterface } from "./interface-selection.ts";
import { type Comparison, StickyChoice } from "./sticky-choice.ts";
import { isVirtual } from "./usable-addresses.ts";

/** Preferred candidates, best first. */
export interface Preferences {
  /** Names of interfaces that were in force. */
  readonly ifaces: readonly string[];
  readonly ips: readonly PreferredIp[];
}

export interface PreferredIp {
  readonly ip: Ip;
  /** It was the interface's own, not virtual. An address that returns after a virtual one is marked as secondary. */
  readonly wasReal: boolean;
}

export const NO_PREFERENCES: Preferences = { ifaces: [], ips: [] };

export class InterfaceMemory {
  readonly #clock: Clock;
  /** From the store, at the start: the addresses that this node published, then other addresses of the host. */
  readonly #known: readonly PreferredIp[];
  readonly #iface = new StickyChoice<string>((established, current) =>
    established === current ? "same" : "equal",
  );
  readonly #ips: Readonly<Record<Family, StickyChoice<PreferredIp>>> = {
    v4: new StickyChoice(compareIps),
    v6: new StickyChoice(compareIps),
  };

  constructor(clock: Clock, known: readonly DualIp[]) {
    this.#clock = clock;
    this.#known = known.flatMap((ips) =>
      FAMILIES.flatMap((family) => {
        const ip = ips[family];
        return ip === null ? [] : [{ ip, wasReal: true }];
      }),
    );
  }

  preferences(): Preferences {
    const nowMs = this.#clock.nowMs();
    const inForce = FAMILIES.flatMap((family) => this.#ips[family].preferred(nowMs));
    return { ifaces: this.#iface.preferred(nowMs), ips: [...inForce, ...this.#known] };
  }

  /** To be called with the interface that came into force. */
  record({ iface }: Pick<SelectedInterface, "iface">, addresses: readonly ObservedAddress[]): void {
    const nowMs = this.#clock.nowMs();
    this.#iface.record(iface.name, nowMs);
    for (const family of FAMILIES) {
      const ip = iface.ips[family];
      if (ip === null) continue;
      const carried = addresses.find((address) => address.ip === ip && address.iface === iface.name);
      this.#ips[familyOf(ip)].record({ ip, wasReal: carried !== undefined && !isVirtual(carried) }, nowMs);
    }
  }
}

function compareIps(established: PreferredIp, current: PreferredIp): Comparison {
  if (established.ip === current.ip) return "same";
  if (established.wasReal === current.wasReal) return "equal";
  return current.wasReal ? "better" : "worse";
}
