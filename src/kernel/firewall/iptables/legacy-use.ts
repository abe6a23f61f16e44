import { readFileSync } from "node:fs";
import type { Family } from "../../../net/index.ts";

/**
 * Whether iptables-legacy has tables. The kernel lists those that exist; to read another one would create it. Read
 * synchronously: /proc/net shows the network namespace of the reading thread.
 */
export function isLegacyInUse(family: Family): boolean {
  const file = family === "v4" ? "ip_tables_names" : "ip6_tables_names";
  try {
    return readFileSync(`/proc/thread-self/net/${file}`, "latin1").trim() !== "";
  } catch {
    // Without the file the kernel has no iptables at all.
    return false;
  }
}
