import { TweedError } from "../runtime/error.ts";

export function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

/**
 * For commands that make namespaces and devices. They check first, as half a lab is worse than none.
 * @throws TweedError `not-root`
 */
export function requireRoot(operation: string): void {
  if (isRoot()) return;
  throw new TweedError({
    code: "not-root",
    operation,
    reason: "it makes network namespaces, which wants root: be root, with sudo for example",
  });
}
