/** The effects that the switch-over requests, see reducer.ts. */
import type { Advertisement } from "./advertisement-history.ts";

export type SwitchOverEffect<B> =
  /** Plan the desired state from {@link plannedBackends} and pass it to kernel and effects. */
  | { readonly kind: "plan" }
  /** Pass the rest of the last desired state to the firewall. */
  | { readonly kind: "update firewall" }
  /** Have the store publish this; it replaces an earlier request. */
  | { readonly kind: "publish"; readonly advertisement: Advertisement<B> }
  /** Write the file from which a restart reads these. */
  | { readonly kind: "retain"; readonly backends: readonly B[] }
  /** List the leases anew, independent of the watch, and dispatch the outcome. */
  | { readonly kind: "read leases" }
  /** Report the mass withdrawal that is held back, or that none is any more. */
  | { readonly kind: "report withdrawals" }
  /** Dispatch "time passed" at this monotonic time; null for never. The newest request wins. */
  | { readonly kind: "wake"; readonly atMs: number | null };
