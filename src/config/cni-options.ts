/** Where the CNI configuration is written, if at all, and what it is made from. */
import type { Flag } from "./flag.ts";

export interface CniOptions {
  readonly confFile: string;
  /** null for the one that comes with the daemon. */
  readonly templateFile: string | null;
}

export const DEFAULT_CNI_CONF = "/etc/cni/net.d/10-tweed.conflist";

/** A file, "none", or null where nothing is said. Container runtimes take a list only from a *.conflist (libcni). */
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

/** @param usual where it is written unless a flag says otherwise; null for nowhere */
export function readCniOptions(
  flags: { readonly "cni-conf": string | null; readonly "cni-conf-template": string },
  usual: string | null,
): CniOptions | null {
  const confFile = flags["cni-conf"] ?? usual ?? "none";
  const template = flags["cni-conf-template"];
  return confFile === "none" ? null : { confFile, templateFile: template === "" ? null : template };
}
