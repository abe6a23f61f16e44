import { findLinkKind } from "../objects/kinds.ts";
import type { InterfaceIndex } from "../observed.ts";
import type { LinkMessage } from "./link.ts";

interface NamedLink {
  readonly name: string;
  readonly isEthernet: boolean;
}

/** Devices by index, as of the last dump and the notifications since. */
export class LinkTable {
  readonly #links = new Map<number, NamedLink>();

  replace(links: Iterable<LinkMessage>): void {
    this.#links.clear();
    for (const link of links) this.put(link);
  }

  put(link: LinkMessage): void {
    const { index, name, kind } = link;
    if (name !== null) this.#links.set(index, { name, isEthernet: findLinkKind(kind)?.isEthernet ?? false });
  }

  delete(index: number): void {
    this.#links.delete(index);
  }

  /** null for an unknown device: created after the dump, or deleted. */
  nameOf(index: number): string | null {
    return this.#links.get(index)?.name ?? null;
  }

  /** True for a device whose kind has neighbours and FDB entries for peers. */
  isEthernet(index: number): boolean {
    return this.#links.get(index)?.isEthernet ?? false;
  }

  ethernetIndexes(): InterfaceIndex[] {
    return [...this.#links].filter(([, link]) => link.isEthernet).map(([index]) => index as InterfaceIndex);
  }
}
