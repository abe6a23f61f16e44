/** What /status tells: the state of this node as JSON, for people and for tools that look at one node. */
import type { JsonObject } from "../runtime/json.ts";
import type { Page } from "./health-server.ts";

/** Fields are only ever added. Nothing in it is a secret: the listener is open to the network. */
export interface StatusDocument {
  readonly version: string;
  readonly ready: boolean;
  /** Why not; empty when ready. */
  readonly reasons: readonly string[];
  /** What a userspace backend carries, in its own words; null where the kernel carries the packets. */
  readonly dataplane: JsonObject | null;
}

export function statusPage(document: StatusDocument): Page {
  return { status: 200, contentType: "application/json", body: `${JSON.stringify(document)}\n` };
}
