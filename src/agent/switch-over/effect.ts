/** What the switch-over asks for, see reducer.ts. */
import type { Advertisement } from "./advertisement-history.ts";

export type SwitchOverEffect<B> =
  /** Make the desired state anew from {@link plannedBackends} and hand it to kernel and effects. */
  | { readonly kind: "plan" }
  /** Hand the firewall the rest of the last desired state. */
  | { readonly kind: "guard" }
  /** Have the store publish this, in place of what it was asked to before. */
  | { readonly kind: "publish"; readonly advertisement: Advertisement<B> }
  /** Write the file that a restart finds these in. */
  | { readonly kind: "retain"; readonly backends: readonly B[] }
  /** Time is to pass until then, monotonic; null for never. The newest counts. */
  | { readonly kind: "wake"; readonly atMs: number | null };
