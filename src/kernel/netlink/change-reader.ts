import type { KernelChange } from "../kernel.ts";
import { addressKind } from "../objects/address.ts";
import { fdbKind } from "../objects/fdb.ts";
import { linkKind } from "../objects/link.ts";
import { neighbourKind } from "../objects/neighbour.ts";
import { routeKind } from "../objects/route.ts";
import { decodeAddress, RTM_ADDRESS } from "./address.ts";
import { AF, familyOfAf } from "./family.ts";
import { decodeLink, type LinkMessage, RTM_LINK } from "./link.ts";
import { LinkTable } from "./link-table.ts";
import type { Message } from "./message.ts";
import { decodeNeighbour, neighbourIndex, RTM_NEIGHBOUR } from "./neighbour.ts";
import { decodeRoute, RT_TABLE_LOCAL, RT_TABLE_MAIN, RTM_ROUTE } from "./route.ts";
import { RTM_RULE } from "./rule.ts";

/**
 * Converts notifications to changes. It has a table of the devices, because other messages refer to them by index: a
 * dump fills the table at the start and after each overrun, and notifications update it.
 */
export class ChangeReader {
  readonly #links = new LinkTable();

  relist(links: readonly LinkMessage[]): void {
    this.#links.replace(links);
  }

  /**
   * null for objects that are not in {@link ObservedState}.
   *
   * @throws TweedError `netlink-malformed`
   */
  read(message: Message): KernelChange | null {
    switch (message.type) {
      case RTM_LINK.new:
      case RTM_LINK.delete:
        return this.#readLink(message.body, message.type === RTM_LINK.delete);
      case RTM_ADDRESS.new:
      case RTM_ADDRESS.delete:
        return this.#readAddress(message.body, message.type === RTM_ADDRESS.delete);
      case RTM_ROUTE.new:
      case RTM_ROUTE.delete:
        return this.#readRoute(message.body, message.type === RTM_ROUTE.delete);
      case RTM_NEIGHBOUR.new:
      case RTM_NEIGHBOUR.delete:
        return this.#readNeighbour(message.body, message.type === RTM_NEIGHBOUR.delete);
      // The effect of a rule depends on the rules before it, so all are read again.
      case RTM_RULE.new:
      case RTM_RULE.delete:
        return isIp(message.body) ? { kind: "rules", table: null } : null;
      default:
        return null;
    }
  }

  #readLink(body: Uint8Array, gone: boolean): KernelChange | null {
    const message = decodeLink(body);
    const link = linkKind.decode(message);
    if (link === null) return null;
    if (gone) this.#links.delete(message.index);
    else this.#links.put(message);
    return { kind: "link", gone, link };
  }

  #readAddress(body: Uint8Array, gone: boolean): KernelChange | null {
    if (!isIp(body)) return null;
    const address = addressKind.decode(decodeAddress(body), this.#links);
    return address === null ? null : { kind: "address", gone, address };
  }

  #readRoute(body: Uint8Array, gone: boolean): KernelChange | null {
    if (!isIp(body)) return null;
    const message = decodeRoute(body);
    const { table } = message;
    if (table === RT_TABLE_LOCAL) return null;
    if (table !== RT_TABLE_MAIN) return { kind: "rules", table };
    const route = routeKind.decode(message, this.#links);
    return route === null ? null : { kind: "route", gone, route };
  }

  #readNeighbour(body: Uint8Array, gone: boolean): KernelChange | null {
    const index = neighbourIndex(body);
    if (index !== null && !this.#links.isEthernet(index)) return null;
    const message = decodeNeighbour(body);
    if (message.af === AF.bridge) {
      const entry = fdbKind.decode(message, this.#links);
      return entry === null ? null : { kind: "fdb", gone, entry };
    }
    const entry = neighbourKind.decode(message, this.#links);
    return entry === null ? null : { kind: "neighbour", gone, entry };
  }
}

function isIp(body: Uint8Array): boolean {
  return familyOfAf(body[0] ?? AF.unspec) !== null;
}
