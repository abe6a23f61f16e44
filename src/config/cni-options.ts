/** The path of the CNI configuration, and its template. */
import type { Flag } from "./flag.ts";

export interface CniOptions {
  readonly confFile: string;
  /** null for the daemon's built-in template. */
  readonly templateFile: string | null;
}

export const DEFAULT_CNI_CONF = "/etc/cni/net.d/10-tweed.conflist";

/** A file, "none", or null when not given. Container runtimes read a list only from a *.conflist (libcni). */
export function cniConfFlag(help: string): Flag<string | null> {
  return {
    help,
    placeholder: "path|none",
    fallback: null,
    parse: (text) =>
      text === "none" || /^\/.*[^/]\.conflist$/.test(text)
        ? { value: text }
        : { expected: `none, or a path that ends in .conflist such as ${DEFAULT_CNI_CONF}` },
  };
}

/** @param fallback the path without a flag; null for none */
export function readCniOptions(
  flags: { readonly "cni-conf": string | null; readonly "cni-conf-template": string },
  fallback: string | null,
): CniOptions | null {
  const confFile = flags["cni-conf"] ?? fallback ?? "none";
  const template = flags["cni-conf-template"];
  return confFile === "none" ? null : { confFile, templateFile: template === "" ? null : template };
}
