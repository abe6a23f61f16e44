/**
 * What the choice of interface remembers, so that it does not turn with everything that comes and goes: what is in force
 * stays while it is usable, and what was away for a while is chosen again.
 */
import type { ObservedAddress } from "../../kernel/observed.ts";
import { type DualIp, FAMILIES, type Family, familyOf, type Ip } from "../../net/index.ts";
import type { Clock } from "../../runtime/clock.ts";
import { type Comparison, Habit } from "./habit.ts";
import type { SelectedInterface } from "./interface-selection.ts";
import { isVirtual } from "./usable-addresses.ts";

/** What is chosen before others, best first. */
export interface Preferences {
  /** Names of interfaces that were in force. */
  readonly ifaces: readonly string[];
  readonly ips: readonly PreferredIp[];
}

export interface PreferredIp {
  readonly ip: Ip;
  /** It was the interface's own: an address that comes back behind a virtual one is marked as secondary. */
  readonly wasReal: boolean;
}

export const NO_PREFERENCES: Preferences = { ifaces: [], ips: [] };

export class InterfaceMemory {
  readonly #clock: Clock;
  /** From the store, for a daemon that starts: what this node published, then what else the host is known by. */
  readonly #known: readonly PreferredIp[];
  readonly #iface = new Habit<string>((usual, present) => (usual === present ? "same" : "equal"));
  readonly #ips: Readonly<Record<Family, Habit<PreferredIp>>> = {
    v4: new Habit(compareIps),
    v6: new Habit(compareIps),
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

  /** To be called with what came into force. */
  see({ iface }: Pick<SelectedInterface, "iface">, addresses: readonly ObservedAddress[]): void {
    const nowMs = this.#clock.nowMs();
    this.#iface.see(iface.name, nowMs);
    for (const family of FAMILIES) {
      const ip = iface.ips[family];
      if (ip === null) continue;
      const carried = addresses.find((address) => address.ip === ip && address.iface === iface.name);
      this.#ips[familyOf(ip)].see({ ip, wasReal: carried !== undefined && !isVirtual(carried) }, nowMs);
    }
  }
}

function compareIps(usual: PreferredIp, present: PreferredIp): Comparison {
  if (usual.ip === present.ip) return "same";
  if (usual.wasReal === present.wasReal) return "equal";
  return present.wasReal ? "better" : "worse";
}
