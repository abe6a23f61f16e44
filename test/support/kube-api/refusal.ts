/** A refusal of an API server, as the `Status` in its answer. */
import type { JsonObject } from "../../../src/runtime/json.ts";
import { statusText } from "./exchange.ts";

export class Refusal extends Error {
  readonly code: number;
  readonly text: string;

  constructor(
    code: number,
    reason: string,
    message: string,
    details: JsonObject = {},
    metadata: JsonObject = {},
  ) {
    super(message);
    this.code = code;
    this.text = statusText(code, reason, message, details, metadata);
  }
}

/** `field.Error` of k8s.io/apimachinery: a fault of one field. */
export interface FieldFault {
  readonly reason: keyof typeof FAULT_WORDS;
  /** As in `spec.podCIDRs[0]`. */
  readonly field: string;
  readonly detail: string;
}

const FAULT_WORDS = {
  FieldValueInvalid: "Invalid value",
  FieldValueRequired: "Required value",
  FieldValueForbidden: "Forbidden",
  FieldValueDuplicate: "Duplicate value",
  FieldValueTooLong: "Too long",
  FieldValueNotSupported: "Unsupported value",
  InternalError: "Internal error",
} as const;

export function invalidValue(field: string, detail: string): FieldFault {
  return { reason: "FieldValueInvalid", field, detail };
}

export function forbiddenValue(field: string, detail: string): FieldFault {
  return { reason: "FieldValueForbidden", field, detail };
}

/** As `errors.NewInvalid`. */
export function invalid(kind: string, name: string, faults: readonly FieldFault[], group = ""): Refusal {
  const causes = faults.map(({ reason, field, detail }) => ({
    reason,
    message: `${FAULT_WORDS[reason]}: ${detail}`,
    field,
  }));
  const said = causes.map(({ field, message }) => `${field}: ${message}`);
  const text = said.length === 1 ? said[0] : `[${said.join(", ")}]`;
  const details = Object.fromEntries(Object.entries({ name, group, kind }).filter(([, text]) => text !== ""));
  return new Refusal(422, "Invalid", `${kind} ${JSON.stringify(name)} is invalid: ${text}`, {
    ...details,
    causes,
  });
}

export function badRequest(message: string): Refusal {
  return new Refusal(400, "BadRequest", message);
}

export function unsupportedMediaType(accepted: readonly string[]): Refusal {
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`;
  return new Refusal(415, "UnsupportedMediaType", message);
}

/** @param resource in the plural, as in paths */
export function notFound(resource: string, name: string): Refusal {
  const message = `${resource} ${JSON.stringify(name)} not found`;
  return new Refusal(404, "NotFound", message, { name, kind: resource });
}

export function conflict(resource: string, name: string, reason: string): Refusal {
  const message = `Operation cannot be fulfilled on ${resource} ${JSON.stringify(name)}: ${reason}`;
  return new Refusal(409, "Conflict", message, { name, kind: resource });
}
