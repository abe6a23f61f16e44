import type { ReconcileStatus } from "../../kernel/reconcile/status.ts";

/** Why the kernel is not as desired, after a pass; null when it is. */
export function unsettledKernel({ converged, failures }: ReconcileStatus): string | null {
  if (converged) return null;
  const [first, ...others] = failures;
  const reason = first === undefined ? "it is being programmed" : first.message;
  const more = others.length === 0 ? "" : `, and ${others.length} more`;
  return `the kernel does not agree yet: ${reason}${more}`;
}
