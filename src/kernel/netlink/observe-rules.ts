/** Policy rules before the main table's, and the routes of the tables that they refer to. */
import { FAMILIES, type Family, prefixLength } from "../../net/index.ts";
import { TweedError } from "../../runtime/error.ts";
import { ERRNO } from "../libc/errno.ts";
import type { ObservedRule, PolicyRoute } from "../observed.ts";
import type { LinkTable } from "./link-table.ts";
import type { Message } from "./message.ts";
import type { RequestSocket } from "./request-socket.ts";
import { decodeRoute, encodeTableQuery, RT_TABLE_LOCAL, RT_TABLE_MAIN, RTM_ROUTE, RTN } from "./route.ts";
import { decodeRule, encodeRuleQuery, FR_ACT, RTM_RULE, type RuleMessage } from "./rule.ts";

/** A kernel without policy routing, or without the family; a table that was deleted or never had a route. */
const ABSENT_ERRNOS = [ERRNO.ENOENT, ERRNO.EOPNOTSUPP, ERRNO.EAFNOSUPPORT];
const REFUSING: ReadonlySet<number> = new Set([FR_ACT.blackhole, FR_ACT.unreachable, FR_ACT.prohibit]);
/** Input devices of packets of this host's pods, and of its own. */
const POD_DEVICES: ReadonlySet<string | null> = new Set([null, "lo", "cni0"]);

export async function observeRules(socket: RequestSocket, links: LinkTable): Promise<ObservedRule[]> {
  const observed: ObservedRule[] = [];
  for (const family of FAMILIES) {
    for (const rule of diverting(await dumpRules(socket, family))) {
      const { priority, table, source, destination, isInverted } = rule;
      const isRefusing = REFUSING.has(rule.action);
      const routes = isRefusing ? null : await dumpTable(socket, rule, links);
      const ends = isInverted ? { source: null, destination: null } : { source, destination };
      observed.push({ family, priority, table: isRefusing ? null : table, ...ends, routes });
    }
  }
  return observed;
}

/** Rules that may divert packets between pods from the main table, in order of priority. */
export function diverting(rules: readonly RuleMessage[]): readonly RuleMessage[] {
  const found: RuleMessage[] = [];
  for (const rule of [...rules].sort((a, b) => a.priority - b.priority)) {
    const { action, table, isInverted } = rule;
    const isForAll = !isInverted && !rule.hasOtherSelectors && rule.inputDevice === null;
    const isMain = action === FR_ACT.toTable && table === RT_TABLE_MAIN;
    // A rule that suppresses only default routes, as wg-quick's, still finds the routes to pods.
    if (isMain && isForAll && rule.source === null && rule.destination === null) {
      if ((rule.suppressedLength ?? 0) === 0) return found;
    }
    const leadsAway = action === FR_ACT.toTable && table !== RT_TABLE_MAIN && table !== RT_TABLE_LOCAL;
    // An inverted rule matches all other packets: those without the mark.
    const concernsPods = isInverted || (!rule.hasOtherSelectors && POD_DEVICES.has(rule.inputDevice));
    if (concernsPods && (leadsAway || REFUSING.has(action))) found.push(rule);
  }
  return found;
}

async function dumpRules(socket: RequestSocket, family: Family): Promise<RuleMessage[]> {
  const body = encodeRuleQuery(family);
  const request = { operation: `list IP${family} rules`, type: RTM_RULE.get, flags: 0, body };
  return socket.dump({ ...request, doneErrnos: ABSENT_ERRNOS }, (message) => {
    if (message.type !== RTM_RULE.new) return null;
    const rule = readable(() => decodeRule(message.body));
    return rule?.family === family ? rule : null;
  });
}

async function dumpTable(
  socket: RequestSocket,
  { family, table, suppressedLength }: RuleMessage,
  links: LinkTable,
): Promise<PolicyRoute[]> {
  const body = encodeTableQuery(family, table);
  const request = { operation: `list table ${table}`, type: RTM_ROUTE.get, flags: 0, body };
  const routeOf = (message: Message): PolicyRoute | null => {
    const route = message.type === RTM_ROUTE.new ? readable(() => decodeRoute(message.body)) : null;
    if (route === null || route.table !== table || route.type === RTN.local) return null;
    const isThrow = route.type === RTN.throw;
    const iface = route.type === RTN.unicast && route.index !== null ? links.nameOf(route.index) : null;
    return { dst: route.dst, iface, isThrow };
  };
  const routes = await socket.dump({ ...request, doneErrnos: ABSENT_ERRNOS }, routeOf);
  const isSuppressed = ({ dst }: PolicyRoute) =>
    suppressedLength !== null && prefixLength(dst) <= suppressedLength;
  return routes.filter((route) => !isSuppressed(route));
}

/** Rules are only reported: one that cannot be decoded is skipped. */
function readable<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof TweedError) return null;
    throw error;
  }
}
