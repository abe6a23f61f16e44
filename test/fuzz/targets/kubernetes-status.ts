/** Refusals of the API server, or of a proxy before it: `Status` objects and other text. */
import { readStatus, refusal } from "../../../src/lease/kubernetes/api-error.ts";
import { expectPlain } from "../plain-data.ts";
import { splitRecords } from "../records.ts";
import { type FuzzTarget, invariant, NEVER, textOf } from "../target.ts";

const STATUS =
  '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"nodes \\"x\\" is forbidden","reason":"Forbidden","details":{"name":"x","causes":[{"reason":"ResourceVersionTooLarge","message":"m"}],"retryAfterSeconds":1},"code":403}';
const CODES = [400, 401, 403, 404, 409, 410, 422, 429, 500, 503, 504];

/** A byte that chooses the HTTP status, the body, a record separator, `Retry-After`. */
export const kubernetesStatus: FuzzTarget = {
  name: "kubernetes-status",
  grammar: "json",
  seeds: [
    ...CODES.map((_, index) => Buffer.from(`${String.fromCharCode(index)}${STATUS}\x1e7`)),
    Buffer.from("\x09<html>bad gateway</html>"),
  ],
  words: [
    "message",
    "reason",
    "details",
    "causes",
    "retryAfterSeconds",
    "code",
    "ResourceVersionTooLarge",
    "resourceVersion",
  ],
  refusals: NEVER,
  // More is not read of a refusal.
  maxBytes: 16 * 1024,
  run(input) {
    const [body = input, retryAfter] = splitRecords(input.subarray(1));
    const status = CODES[(input[0] ?? 0) % CODES.length] ?? 500;
    const report = readStatus(status, textOf(body), retryAfter && textOf(retryAfter));
    expectPlain(report);
    const { retryAfterMs } = report;
    invariant(
      retryAfterMs === null || (retryAfterMs >= 0 && retryAfterMs <= 60_000),
      "a wait is a minute at most",
    );
    const error = refusal("list nodes", report, "list on nodes");
    // The server's message, escaped by whoever shows it, and our own words.
    invariant(error.message.length <= input.length + 500, "an error is no longer than the answer");
    return undefined;
  },
};
