/** By which interfaces packets leave a host whose own address is on none of them, as with routing down to the host. Pure. */
import type { ObservedLink, ObservedRoute } from "../../kernel/observed.ts";
import type { SelectionRequest } from "./interface-candidates.ts";

/**
 * The smallest MTU of the interfaces of the default routes; of those of all routes where these name none, for a
 * multipath route's next hops are not known. null where no route leads out.
 */
export function mtuOfWaysOut({
  state,
  ownDevices,
}: Pick<SelectionRequest, "state" | "ownDevices">): number | null {
  const isWayOut = (link: ObservedLink) =>
    link.isUp && !link.isLoopback && link.mtuBytes > 0 && !ownDevices.has(link.name);
  const mtusOf = (routes: readonly ObservedRoute[]) =>
    routes.flatMap(({ iface, mtuBytes }) => {
      const link = state.links.find(({ name }) => name === iface);
      return link === undefined || !isWayOut(link)
        ? []
        : [Math.min(link.mtuBytes, mtuBytes ?? link.mtuBytes)];
    });
  const ofDefaults = mtusOf(state.routes.filter(({ dst }) => dst === "0.0.0.0/0" || dst === "::/0"));
  const mtus = ofDefaults.length > 0 ? ofDefaults : mtusOf(state.routes);
  return mtus.length === 0 ? null : Math.min(...mtus);
}
