/**
 * What makes the packet filter open by itself. Whoever stops this daemon may start another program in its place, which
 * knows nothing of the filter; nodes that join then would be refused for ever. So refusing depends on elements that
 * last a while only, and that the daemon renews.
 */

export const KEPT_SET = "kept";

/** How long the filter refuses after the last renewal: a daemon that was killed has this long to come back. */
export const KEPT_SECONDS = 280;
/** As long as that, where the daemon was stopped: enough for a restart. */
export const RELEASED_SECONDS = 50;
/** A renewal that fails is tried again well before the elements go. */
export const RENEWAL_MS = 90_000;

/** Families of packets, as the kernel numbers them: there is no key without a field of the packet. */
export const KEPT_ELEMENTS: ReadonlySet<string> = new Set(["ipv4", "ipv6"]);

/** The rule that lets a packet pass while nobody keeps the filter. */
export const OPEN_UNLESS_KEPT = `meta nfproto != @${KEPT_SET} accept`;

export function keptSet(): string[] {
  return [`set ${KEPT_SET} {`, "typeof meta nfproto", "flags timeout", "}"];
}

/** null for an element of any other set. */
export function spellKept(element: string, seconds = KEPT_SECONDS): string | null {
  return KEPT_ELEMENTS.has(element) ? `${element} timeout ${seconds}s` : null;
}
