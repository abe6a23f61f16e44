import type { Backend } from "../../../backends/backend.ts";
import type { Identities, Identity } from "../../../backends/identity.ts";
import type { ObservedLink } from "../../kernel/observed.ts";
import type { LeaseContent } from "../../lease/lease.ts";
import { type Family, type Mac, randomMac } from "../../net/index.ts";
import type { Random } from "../../runtime/random.ts";
import type { ActiveBackend } from "../switch-over/active-backend.ts";

/**
 * An identity for every need of every backend, as any of them may be configured later. The MAC in the store comes
 * first, since peers already use it, whichever backend is preferred now; then the MAC of a device that an earlier
 * daemon, or flannel, left behind; then a new one.
 */
export function adoptIdentities(
  lastLease: Pick<LeaseContent, "offers"> | null,
  active: readonly Pick<ActiveBackend, "type" | "identities">[],
  backends: readonly Pick<Backend, "identities">[],
  links: readonly ObservedLink[],
  random: Random,
): Identities {
  const names = new Set(
    [...active, ...backends].flatMap(({ identities }) => identities.map(({ name }) => name)),
  );
  const offers = lastLease?.offers ?? [];
  const identityOf = (name: string): Identity => {
    const sources = active.flatMap(({ type, identities }) =>
      identities.filter((each) => each.name === name).map((each) => ({ type, ...each })),
    );
    const published = (family: Family) =>
      offers.flatMap(({ type, data }) =>
        sources.filter((each) => each.type === type).map((each) => each.published(data, family)),
      );
    const devices = (family: Family) =>
      sources.map((each) => links.find((link) => link.name === each.device(family))?.mac);
    const macOf = (family: Family) =>
      firstOf(published(family)) ?? firstOf(devices(family)) ?? randomMac(random);
    return { kind: "mac", macs: { v4: macOf("v4"), v6: macOf("v6") } };
  };
  return new Map(Array.from(names, (name) => [name, identityOf(name)]));
}

function firstOf(macs: readonly (Mac | null | undefined)[]): Mac | null {
  return macs.find((mac) => mac) ?? null;
}
