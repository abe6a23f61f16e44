/** Maps refusals of the API server to error codes. */
import { TweedError } from "../../runtime/error.ts";
import { isJsonObject } from "../../runtime/json.ts";

export type ApiErrorCode =
  | "store-unavailable"
  /** The requested resource version has expired, or is not reached yet: list again. */
  | "store-expired"
  | "store-auth"
  | "store-conflict"
  | "store-missing"
  | "store-refused";

/** A failed request: refused by the server, with its message, or broken off. */
export class ApiError extends TweedError {
  /** True for the server's own answer; false when it sent none, or only a part. */
  readonly isAnswer: boolean;
  /** The wait before the next request that the server asks for; null without one. */
  readonly retryAfterMs: number | null;
  /** True when every other request would fail too, until something changes. */
  readonly isOutage: boolean;

  constructor(fields: {
    readonly operation: string;
    readonly code: ApiErrorCode;
    readonly reason: string;
    readonly isAnswer: boolean;
    readonly retryAfterMs?: number | null;
    readonly isOutage?: boolean;
    readonly cause?: unknown;
  }) {
    super({ ...fields, retryable: fields.code !== "store-refused" });
    this.isAnswer = fields.isAnswer;
    this.retryAfterMs = fields.retryAfterMs ?? null;
    this.isOutage = fields.isOutage ?? fields.code === "store-unavailable";
  }
}

export function unavailable(operation: string, reason: string, cause?: unknown): ApiError {
  return new ApiError({ operation, code: "store-unavailable", reason, isAnswer: false, cause });
}

/** The parts of a `Status` object (k8s.io/apimachinery meta/v1) that describe the error. */
export interface StatusReport {
  readonly httpStatus: number;
  readonly message: string;
  /** The `reason` of each cause in its details. */
  readonly causes: readonly string[];
  readonly retryAfterMs: number | null;
}

/** @param text a `Status` object as JSON, or the text of a proxy in between */
export function readStatus(httpStatus: number, text: string, retryAfter: string | undefined): StatusReport {
  const status = parseObject(text);
  const details = isJsonObject(status.details) ? status.details : {};
  const causes = Array.isArray(details.causes) ? details.causes : [];
  const { retryAfterSeconds } = details;
  const seconds = Number(
    retryAfter ?? (typeof retryAfterSeconds === "number" ? retryAfterSeconds : Number.NaN),
  );
  return {
    httpStatus: typeof status.code === "number" ? status.code : httpStatus,
    message:
      typeof status.message === "string"
        ? status.message.slice(0, MAX_MESSAGE_LENGTH)
        : text.trim().slice(0, 200),
    causes: causes.map((cause) =>
      isJsonObject(cause) && typeof cause.reason === "string" ? cause.reason : "",
    ),
    // The header's other form, a date, would depend on two clocks.
    retryAfterMs: seconds >= 0 ? Math.min(seconds * 1000, MAX_RETRY_AFTER_MS) : null,
  };
}

/** It becomes a line of the log: the server's own are shorter, other writers of such events are not bounded. */
const MAX_MESSAGE_LENGTH = 1000;

/** The longest wait at the server's request; after it the request is sent all the same. */
const MAX_RETRY_AFTER_MS = 60_000;

/** @param right what the role of the daemon has to allow for this request: "watch on nodes" */
export function refusal(operation: string, report: StatusReport, right: string): ApiError {
  const { httpStatus, message, retryAfterMs } = report;
  const code = codeOf(report);
  const text = `the API server answers ${httpStatus}${message === "" ? "" : `: ${message.replace(/\s+/g, " ")}`}`;
  const advice = code === "store-auth" ? `; ${adviceFor(httpStatus, right)}` : "";
  // A refused token fails every request; a missing role only some.
  const isOutage = code === "store-unavailable" || httpStatus === 401;
  return new ApiError({ operation, code, reason: text + advice, isAnswer: true, retryAfterMs, isOutage });
}

function codeOf({ httpStatus, causes, message }: StatusReport): ApiErrorCode {
  switch (httpStatus) {
    case 401:
    case 403:
      return "store-auth";
    case 404:
      return "store-missing";
    case 409:
      return "store-conflict";
    case 410:
      return "store-expired";
    case 400:
      return /resource ?version/i.test(message) ? "store-expired" : "store-refused";
    case 408:
    case 429:
      return "store-unavailable";
    case 504:
      return causes.includes("ResourceVersionTooLarge") ? "store-expired" : "store-unavailable";
    default:
      return httpStatus >= 500 ? "store-unavailable" : "store-refused";
  }
}

function adviceFor(httpStatus: number, right: string): string {
  return httpStatus === 401
    ? "check the service account's token or the kubeconfig"
    : `the daemon's role has to allow ${right}`;
}

function parseObject(text: string): { readonly [key: string]: unknown } {
  try {
    const parsed: unknown = JSON.parse(text);
    return isJsonObject(parsed) ? parsed : {};
  } catch {
    return {};
  }
}
