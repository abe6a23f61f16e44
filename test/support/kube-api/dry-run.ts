/** What the stand-in says to objects of any kind that shall be checked and not kept: `POST …?dryRun=All`. */
import type { KubeObject } from "../manifests/objects.ts";
import { schemaFaults } from "../manifests/schema.ts";
import { type ApiCall, type Reply, replyWith, statusText } from "./exchange.ts";

export function isDryRun({ method, query }: ApiCall): boolean {
  return method === "POST" && query.get("dryRun") === "All";
}

/** By the fields alone: a real server knows more. */
export function answerDryRun({ body }: ApiCall, reply: Reply): void {
  const object = JSON.parse(body.toString()) as KubeObject;
  const faults = schemaFaults(object);
  if (faults.length === 0) replyWith(reply, 201, JSON.stringify(object));
  else replyWith(reply, 422, statusText(422, "Invalid", faults.join(", ")));
}
