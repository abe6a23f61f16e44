import type { ReconcileStatus } from "../../kernel/reconcile/status.ts";

/** Why the kernel has not converged to the desired state after a pass; null when it has. */
export function kernelNotConverged({ converged, failures }: ReconcileStatus): string | null {
  if (converged) return null;
  const [first, ...others] = failures;
  const reason = first === undefined ? "it is being programmed" : first.message;
  const more = others.length === 0 ? "" : `, and ${others.length} more`;
  return `the kernel has not converged yet: ${reason}${more}`;
}
