/**
 * The versions of Node that Tweed supports, as npm ranges: the oldest that `engines` admits to the patch, and the newest
 * of every line with long-term support since. README.md tells the policy.
 */
export const SUPPORTED_NODES: readonly string[] = ["20.19.0", "22", "24", "26"];
