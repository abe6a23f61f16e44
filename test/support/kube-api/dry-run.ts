/** The stand-in's answer to objects of any kind that are checked but not stored: `POST …?dryRun=All`. */
import type { KubeObject } from "../manifests/objects.ts";
import { schemaFaults } from "../manifests/schema.ts";
import { type ApiCall, type Reply, replyWith, statusText } from "./exchange.ts";

export function isDryRun({ method, query }: ApiCall): boolean {
  return method === "POST" && query.get("dryRun") === "All";
}

/** Checks only the fields: a real server checks more. */
export function answerDryRun({ body }: ApiCall, reply: Reply): void {
  const object = JSON.parse(body.toString()) as KubeObject;
  const faults = schemaFaults(object);
  if (faults.length === 0) replyWith(reply, 201, JSON.stringify(object));
  else replyWith(reply, 422, statusText(422, "Invalid", faults.join(", ")));
}
