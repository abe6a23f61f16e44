/**
 * Makes the packet filter expire. Another program may replace this daemon and not know the filter, which would then
 * refuse new nodes for ever. So the refusing rules depend on set elements with a timeout, and the daemon renews them.
 */

/** Name of the set in the kernel. */
export const ENFORCEMENT_SET = "kept";

/** How long the filter refuses after the last renewal: the time that a killed daemon has to come back. */
export const ENFORCED_SECONDS = 280;
/** The same after a daemon was stopped: enough for a restart. */
export const RELEASED_SECONDS = 50;
/** Leaves time to retry a renewal well before the elements expire. */
export const RENEWAL_MS = 90_000;

/** Families of packets, by nft's names: a set's key has to be a field of the packet. */
export const ENFORCEMENT_ELEMENTS: ReadonlySet<string> = new Set(["ipv4", "ipv6"]);

/** The rule that lets a packet pass once the elements have expired. */
export const OPEN_UNLESS_ENFORCED = `meta nfproto != @${ENFORCEMENT_SET} accept`;

export function enforcementSet(): string[] {
  return [`set ${ENFORCEMENT_SET} {`, "typeof meta nfproto", "flags timeout", "}"];
}

/** null for an element of any other set. */
export function formatEnforcement(element: string, seconds = ENFORCED_SECONDS): string | null {
  return ENFORCEMENT_ELEMENTS.has(element) ? `${element} timeout ${seconds}s` : null;
}
