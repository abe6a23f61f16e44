import { TweedError } from "../runtime/error.ts";
import { isJsonObject, type JsonObject } from "../runtime/json.ts";
import { findJsonFault, lineAndColumn } from "./json-fault.ts";

/** A configuration has a few hundred bytes. etcd and a ConfigMap take a megabyte, which would stall the daemon. */
const LIMIT_BYTES = 16 * 1024;
/** Far above any configuration, far below what overflows the stack of a recursive walk. */
const MAX_DEPTH = 64;

/**
 * Parses a handwritten configuration.
 * @param source the source of the text, for errors: "net-conf.json", "/coreos.com/network/config"
 * @param example an example of an object, for errors
 * @throws TweedError `invalid-config`, with line and column of a syntax error
 */
export function parseJsonObject(text: string, source: string, example: string): JsonObject {
  const refuse = (reason: string): never => {
    throw new TweedError({ code: "invalid-config", operation: `read ${source}`, reason });
  };
  if (Buffer.byteLength(text) > LIMIT_BYTES) return refuse(`larger than ${LIMIT_BYTES} bytes`);
  const fault = findJsonFault(text, MAX_DEPTH);
  if (fault !== null) return refuse(`JSON fault at ${lineAndColumn(text, fault.offset)}: ${fault.reason}`);
  const value: unknown = JSON.parse(text);
  return isJsonObject(value) ? value : refuse(`not a JSON object, expected ${example}`);
}
