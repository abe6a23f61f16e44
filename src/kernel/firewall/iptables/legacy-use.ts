import { readFileSync } from "node:fs";
import type { Family } from "../../../net/index.ts";

/**
 * Whether iptables-legacy has tables. The kernel names those that it has made, and to look into another would make
 * it. Read synchronously: /proc/net shows the network namespace of the thread that looks.
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
