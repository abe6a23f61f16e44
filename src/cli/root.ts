import { TweedError } from "../runtime/error.ts";

export function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

/**
 * For commands that make namespaces and devices. They check before they start, to avoid a half-built lab.
 * @throws TweedError `not-root`
 */
export function requireRoot(operation: string): void {
  if (isRoot()) return;
  throw new TweedError({
    code: "not-root",
    operation,
    reason: "it makes network namespaces, which requires root: run it as root, for example with sudo",
  });
}
