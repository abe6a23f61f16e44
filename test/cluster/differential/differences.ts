/** Differences of two answers, path by path. */
import { isDeepStrictEqual } from "node:util";
import { isJsonObject, type JsonValue } from "../../../src/runtime/json.ts";

/** @returns a line for each, as `body.reason: "Invalid" there, "BadRequest" here` */
export function differences(
  real: JsonValue | undefined,
  standIn: JsonValue | undefined,
  path = "",
): string[] {
  if (isDeepStrictEqual(real, standIn)) return [];
  if (isJsonObject(real ?? null) && isJsonObject(standIn ?? null)) {
    const [one, other] = [real, standIn] as Record<string, JsonValue>[];
    const keys = [...new Set([...Object.keys(one ?? {}), ...Object.keys(other ?? {})])].sort();
    return keys.flatMap((key) => differences(one?.[key], other?.[key], path === "" ? key : `${path}.${key}`));
  }
  if (Array.isArray(real) && Array.isArray(standIn)) {
    const longer: readonly JsonValue[] = real.length > standIn.length ? real : standIn;
    return longer.flatMap((_, index) => differences(real[index], standIn[index], `${path}[${index}]`));
  }
  return [`${path}: real ${shown(real)}, stand-in ${shown(standIn)}`];
}

function shown(value: JsonValue | undefined): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
