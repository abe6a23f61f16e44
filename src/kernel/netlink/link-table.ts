import type { InterfaceIndex } from "../observed.ts";
import type { LinkMessage } from "./link.ts";

interface NamedLink {
  readonly name: string;
  readonly isVxlan: boolean;
}

/** Which device an index stands for, as of the last dump and the notifications that followed it. */
export class LinkTable {
  readonly #links = new Map<number, NamedLink>();

  replace(links: Iterable<LinkMessage>): void {
    this.#links.clear();
    for (const link of links) this.put(link);
  }

  put(link: LinkMessage): void {
    if (link.name !== null) this.#links.set(link.index, { name: link.name, isVxlan: link.kind === "vxlan" });
  }

  delete(index: number): void {
    this.#links.delete(index);
  }

  /** null for a device that is not known, because it came after the dump or is gone. */
  nameOf(index: number): string | null {
    return this.#links.get(index)?.name ?? null;
  }

  isVxlan(index: number): boolean {
    return this.#links.get(index)?.isVxlan ?? false;
  }

  vxlanIndexes(): InterfaceIndex[] {
    return [...this.#links].filter(([, link]) => link.isVxlan).map(([index]) => index as InterfaceIndex);
  }
}
