import { TweedError } from "../src/runtime/error.ts";
import type { Backend } from "./backend.ts";
import { hostGw } from "./host-gw/index.ts";
import { ipip } from "./ipip/index.ts";
import { udp } from "./udp/index.ts";
import { vxlan } from "./vxlan/index.ts";

/** All backends. A new one is a folder beside these and a line here. */
export const BACKENDS: readonly Backend[] = [vxlan, hostGw, udp, ipip];

/** @throws TweedError `invalid-config` for an unknown type */
export function backendOfType(type: string, backends: readonly Backend[]): Backend {
  const backend = findBackend(type, backends);
  if (backend !== null) return backend;
  throw new TweedError({
    code: "invalid-config",
    operation: "choose backend",
    reason: `Backend.Type is ${JSON.stringify(type)}, expected one of ${backends.map((each) => each.type).join(", ")}`,
  });
}

export function findBackend(type: string, backends: readonly Backend[]): Backend | null {
  return backends.find((backend) => backend.type === type) ?? null;
}
