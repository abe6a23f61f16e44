import { TweedError } from "../runtime/error.ts";
import { isJsonObject, type JsonObject } from "../runtime/json.ts";
import { findJsonFault, lineAndColumn } from "./json-fault.ts";

/** What etcd and a config map take at most; a configuration is a few hundred bytes. */
const LIMIT_BYTES = 1024 * 1024;
/** Far above any configuration, far below what exhausts the stack of whoever walks it. */
const MAX_DEPTH = 64;

/**
 * Reads a configuration that somebody wrote by hand.
 * @param source where the text is from, for errors: "net-conf.json", "/coreos.com/network/config"
 * @param example what an object would look like, for errors
 * @throws TweedError `invalid-config`, which tells line and column of a fault
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
