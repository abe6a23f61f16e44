/**
 * The kernel as the reconciler knows it: the last dump, brought up to date by notifications and by the
 * reconciler's own acknowledged operations, so that a change among 5,000 peers costs a comparison, not a dump.
 *
 * Notifications repeat what was acknowledged and come late, but in the kernel's order: whatever an old one spoils,
 * the one behind it mends. What the kernel does without a notification (IPv4 routes vanish when their device goes
 * down or loses its last address: fib_disable_ip) makes the mirror stale instead: only a new dump tells the truth.
 */
import { isDeepStrictEqual } from "node:util";
import type { KernelChange } from "../kernel.ts";
import { addressKind } from "../objects/address.ts";
import { fdbKey } from "../objects/fdb.ts";
import { mtuKey } from "../objects/link.ts";
import { neighbourKey } from "../objects/neighbour.ts";
import { kindOf } from "../objects/operation-kinds.ts";
import { isSameWay, observedRouteKey } from "../objects/route.ts";
import type { ObservedLink, ObservedRoute, ObservedRule, ObservedState } from "../observed.ts";
import type { Operation } from "../operation.ts";
import { Picture } from "./picture.ts";

/** The parts of a path: many, changed often, and replaced place by place. */
type PathPart = "fdb" | "neighbour" | "route";

/** Which interfaces the mirror has to follow closely. */
export interface MirrorInterest {
  /** True when neighbours and FDB entries of the interface are kept. */
  isDevice(iface: string): boolean;
  /** True when a change of the interface may take addresses or routes of ours along. */
  isInvolved(iface: string): boolean;
}

export class Mirror {
  readonly picture: Picture;
  readonly #interest: MirrorInterest;
  /** What changed while a dump was being read: it may or may not be in the dump. */
  #duringRefresh: KernelChange[] | null = null;
  /** Places that notifications told of since the last operations were handed to the kernel. */
  readonly #told = new Set<string>();
  #isStale = true;
  #areRulesStale = false;

  constructor(interest: MirrorInterest) {
    this.#interest = interest;
    this.picture = new Picture((iface) => interest.isDevice(iface));
  }

  /** True when something may have happened that only a new dump shows. */
  get isStale(): boolean {
    return this.#isStale;
  }

  /** True when rules, or what is in their tables, have changed since they were read. */
  get areRulesStale(): boolean {
    return this.#areRulesStale;
  }

  invalidate(): void {
    this.#isStale = true;
  }

  /** Reads everything anew; the mirror stays stale when that fails or is overtaken by events. */
  async refresh(observe: () => Promise<ObservedState>): Promise<void> {
    const missed: KernelChange[] = [];
    this.#duringRefresh = missed;
    try {
      this.picture.load(await observe());
      this.#isStale = false;
      this.#areRulesStale = false;
    } finally {
      this.#duringRefresh = null;
    }
    for (const change of missed) this.apply(change);
  }

  async refreshRules(observe: () => Promise<readonly ObservedRule[]>): Promise<void> {
    // Before they are read: what changes meanwhile makes them stale again.
    this.#areRulesStale = false;
    this.picture.rules = await observe();
  }

  /** To be called before operations are handed to the kernel. */
  expectAcknowledgements(): void {
    this.#told.clear();
  }

  /**
   * Takes in what the kernel carried out. Where notifications told of the place meanwhile they are at least as
   * new, and may already tell that somebody undid it.
   */
  acknowledge(operation: Operation): void {
    const kind = kindOf(operation);
    const key = kind.notifiedKey(operation);
    if (key !== null && this.#told.has(key)) return;
    kind.acknowledge(this.picture, operation);
    // A new device's index, and which routes went with an address, are for the kernel to tell.
    if (operation.op === "create-link" || operation.op === "delete-address") this.#isStale = true;
  }

  /** Takes a notification in; false when it says nothing new. */
  apply(change: KernelChange): boolean {
    this.#duringRefresh?.push(change);
    const { picture } = this;
    switch (change.kind) {
      case "overrun":
        this.#isStale = true;
        return true;
      case "link":
        return this.#applyLink(change.link, change.gone);
      case "address": {
        const { address } = change;
        if (change.gone && this.#interest.isInvolved(address.iface)) this.#isStale = true;
        return applyTo(picture.addresses, addressKind.keyOfObserved(address), address, change.gone);
      }
      case "fdb": {
        const { entry } = change;
        return (
          this.#interest.isDevice(entry.iface) &&
          this.#tell("fdb", picture.fdb, fdbKey(entry), entry, change.gone)
        );
      }
      case "neighbour": {
        const { entry } = change;
        const place = neighbourKey(entry.iface, entry.ip);
        return (
          this.#interest.isDevice(entry.iface) &&
          this.#tell("neighbour", picture.neighbours, place, entry, change.gone)
        );
      }
      case "route":
        return this.#applyRoute(change.route, change.gone);
      case "rules": {
        const { table } = change;
        if (table !== null && !picture.rules.some((rule) => rule.table === table)) return false;
        this.#areRulesStale = true;
        return true;
      }
    }
  }

  #tell<T>(part: PathPart, places: Map<string, T>, place: string, object: T, gone: boolean): boolean {
    this.#told.add(`${part} ${place}`);
    return applyTo(places, place, object, gone);
  }

  #applyRoute(route: ObservedRoute, gone: boolean): boolean {
    const { routes } = this.picture;
    const place = observedRouteKey(route);
    const have = routes.get(place);
    // Late news of a route whose successor was acknowledged already.
    if (gone && have !== undefined && !isSameWay(have, route)) return false;
    return this.#tell("route", routes, place, route, gone);
  }

  #applyLink(link: ObservedLink, gone: boolean): boolean {
    const { picture } = this;
    const renamed = [...picture.links.values()].find(
      (have) => have.index === link.index && have.name !== link.name,
    );
    if (renamed !== undefined) this.#removeLink(renamed.name);

    const have = picture.links.get(link.name);
    if (gone) {
      // A late farewell to the device that this one replaced says nothing about it.
      if (have?.index !== link.index) return renamed !== undefined;
      this.#removeLink(link.name);
      return true;
    }
    this.#told.add(mtuKey(link.name));
    if (have !== undefined && isDeepStrictEqual(have, link)) return false;
    picture.links.set(link.name, link);
    if (this.#interest.isInvolved(link.name) && !isSameButForMtu(have, link)) this.#isStale = true;
    return true;
  }

  #removeLink(name: string): void {
    this.picture.removeDevice(name);
    if (this.#interest.isInvolved(name)) this.#isStale = true;
  }
}

/** True when addresses, neighbours and routes cannot have gone with the change. */
function isSameButForMtu(have: ObservedLink | undefined, link: ObservedLink): boolean {
  const { mtuBytes, hasCarrier } = link;
  return have !== undefined && isDeepStrictEqual({ ...have, mtuBytes, hasCarrier }, link);
}

function applyTo<T>(places: Map<string, T>, place: string, object: T, gone: boolean): boolean {
  if (gone) return places.delete(place);
  if (isDeepStrictEqual(places.get(place), object)) return false;
  places.set(place, object);
  return true;
}
