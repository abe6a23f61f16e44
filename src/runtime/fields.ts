/**
 * Reads a JSON object like Go's encoding/json: ignores the case of keys and unknown keys; a wrong type is an
 * error. Every error names the key, the value and what would be accepted.
 */
import { TweedError } from "./error.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "./json.ts";

export class Fields {
  readonly #values = new Map<string, JsonValue>();
  readonly #path: string;

  /** @param path the prefix of a key in errors: "net-conf.json" gives "net-conf.json: Network …" */
  constructor(object: JsonObject, path: string) {
    this.#path = path;
    // As in Go, the last of two spellings of one key wins.
    for (const [key, value] of Object.entries(object)) this.#values.set(key.toLowerCase(), value);
  }

  has(key: string): boolean {
    return (this.#values.get(key.toLowerCase()) ?? null) !== null;
  }

  /** null when the key is absent or null: Go does not set the field in either case. */
  value(key: string): JsonValue {
    return this.#values.get(key.toLowerCase()) ?? null;
  }

  string(key: string, fallback: string): string {
    const value = this.value(key);
    if (value === null) return fallback;
    return typeof value === "string" ? value : this.refuse(key, "a string");
  }

  boolean(key: string, fallback: boolean): boolean {
    const value = this.value(key);
    if (value === null) return fallback;
    return typeof value === "boolean" ? value : this.refuse(key, "true or false");
  }

  /** A whole number within both bounds. */
  integer(key: string, fallback: number, min: number, max: number): number {
    const value = this.value(key);
    if (value === null) return fallback;
    const isValid = typeof value === "number" && Number.isInteger(value) && value >= min && value <= max;
    return isValid ? value : this.refuse(key, `a whole number from ${min} to ${max}`);
  }

  object(key: string): JsonObject | null {
    const value = this.value(key);
    if (value === null) return null;
    return isJsonObject(value) ? value : this.refuse(key, "an object");
  }

  /** @throws TweedError `invalid-config`, always */
  refuse(key: string, accepted: string): never {
    const value = JSON.stringify(this.value(key));
    throw new TweedError({
      code: "invalid-config",
      operation: `read ${this.#path}`,
      reason: `${key} is ${value.length > 120 ? `${value.slice(0, 117)}…` : value}, expected ${accepted}`,
    });
  }
}
