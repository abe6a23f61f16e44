/** Filters of a list or a watch: `fieldSelector` and `labelSelector`. */
import type { JsonObject, JsonValue } from "../../../src/runtime/json.ts";
import type { StoredObject } from "./object-table.ts";
import { badRequest } from "./refusal.ts";

export type Selector = (object: StoredObject) => boolean;

interface Term {
  readonly path: string;
  readonly operator: "=" | "!=";
  readonly value: string;
}

/**
 * @param selectable the selectable fields, each with its default value
 * @returns null for everything @throws Refusal
 */
export function selectorOf(
  query: URLSearchParams,
  selectable: Readonly<Record<string, string>>,
): Selector | null {
  const fieldTerms = terms(query.get("fieldSelector") ?? "");
  for (const { path } of fieldTerms) {
    if (selectable[path] === undefined) throw badRequest(`field label not supported: ${path}`);
  }
  const labels = query.get("labelSelector") ?? "";
  const labelTests = labels === "" ? [] : labels.split(",").map(labelTest);
  if (fieldTerms.length === 0 && labelTests.length === 0) return null;
  return (object) =>
    fieldTerms.every(({ path, operator, value }) => {
      const held = String(at(object, path) ?? selectable[path]);
      return (held === value) === (operator === "=");
    }) && labelTests.every((test) => test((object.metadata.labels ?? {}) as JsonObject));
}

function terms(text: string): Term[] {
  return text
    .split(",")
    .filter((term) => term !== "")
    .map((term) => {
      const [, path, sign, value = ""] = /^([^=!]*)(==|!=|=)(.*)$/.exec(term) ?? [];
      if (path === undefined) throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`);
      return { path, operator: sign === "!=" ? "!=" : "=", value };
    });
}

function labelTest(text: string): (labels: JsonObject) => boolean {
  const [, isAbsent, key, sign, value] =
    /^\s*(!?)([\w./-]+)\s*(?:(==|!=|=)\s*([\w.-]*))?\s*$/.exec(text) ?? [];
  if (key === undefined || (isAbsent === "!" && sign !== undefined))
    throw badRequest(`unable to parse requirement: ${text}`);
  if (isAbsent === "!") return (labels) => labels[key] === undefined;
  if (sign === undefined) return (labels) => labels[key] !== undefined;
  return (labels) => (labels[key] === value) === (sign !== "!=");
}

function at(object: JsonObject, path: string): JsonValue | undefined {
  return path
    .split(".")
    .reduce<JsonValue | undefined>((value, key) => (value as JsonObject | undefined)?.[key], object);
}
