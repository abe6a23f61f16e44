import type { EffectorKind } from "./effector.ts";
import { udpEffector } from "./udp/effector.ts";

/** The effectors of all backends that have effects. A new one is a line here. */
export const EFFECTORS: readonly EffectorKind[] = [udpEffector];
