/** The MTU towards other hosts where the host's address is on the loopback interface (routing to the host). Pure. */
import type { ObservedLink, ObservedRoute } from "../../kernel/observed.ts";
import type { SelectionRequest } from "./interface-candidates.ts";

/**
 * The smallest MTU of the interfaces of the default routes. Where these name none, as the next hops of a multipath
 * route are not known, of the interfaces of all routes; null where no route leaves the host.
 */
export function egressMtu({
  state,
  ownDevices,
}: Pick<SelectionRequest, "state" | "ownDevices">): number | null {
  const isEgress = (link: ObservedLink) =>
    link.isUp && !link.isLoopback && link.mtuBytes > 0 && !ownDevices.has(link.name);
  const mtusOf = (routes: readonly ObservedRoute[]) =>
    routes.flatMap(({ iface, mtuBytes }) => {
      const link = state.links.find(({ name }) => name === iface);
      return link === undefined || !isEgress(link)
        ? []
        : [Math.min(link.mtuBytes, mtuBytes ?? link.mtuBytes)];
    });
  const ofDefaults = mtusOf(state.routes.filter(({ dst }) => dst === "0.0.0.0/0" || dst === "::/0"));
  const mtus = ofDefaults.length > 0 ? ofDefaults : mtusOf(state.routes);
  return mtus.length === 0 ? null : Math.min(...mtus);
}
