import type { Family } from "../../src/net/index.ts";
import { Fields } from "../../src/runtime/fields.ts";
import type { JsonObject } from "../../src/runtime/json.ts";

export interface UdpOptions {
  readonly port: number;
}

const DEFAULT_PORT = 8285;

/** flannel takes the first free name of flannel%d, which is this one: it makes no other. */
export const UDP_DEVICE = "flannel0";

/** Outer IP and UDP headers. */
export const OUTER_BYTES: Record<Family, number> = { v4: 28, v6: 48 };

export function parseUdpOptions(raw: JsonObject): UdpOptions {
  const port = new Fields(raw, "Backend").integer("Port", DEFAULT_PORT, 0, 65_535);
  return { port: port === 0 ? DEFAULT_PORT : port };
}
