import type { EffectorKind } from "./effector.ts";
import { udpEffector } from "./udp/effector.ts";

/** The effector of every backend that has effects. A new one is a line here. */
export const EFFECTORS: readonly EffectorKind[] = [udpEffector];
