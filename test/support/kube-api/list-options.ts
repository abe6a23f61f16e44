/** Options in the query of a list or a watch, after `ValidateListOptions` of k8s.io/apimachinery. */
import { badRequest, type FieldFault, forbiddenValue, invalid, Refusal } from "./refusal.ts";

export interface ListOptions {
  readonly limit: number;
  /** Start of the page. */
  readonly place: ListPlace | null;
  /** null where none is given. */
  readonly version: number | null;
  readonly match: string;
}

export interface ListPlace {
  /** null for the current state: the list's own version has been compacted. */
  readonly version: number | null;
  readonly after: string;
}

const API_VERSION = "meta.k8s.io/v1";

export function continueToken({ version, after }: ListPlace): string {
  const token = { v: API_VERSION, rv: version ?? -1, start: `${after}\0` };
  return Buffer.from(JSON.stringify(token)).toString("base64url");
}

/** @throws Refusal */
export function readListOptions(query: URLSearchParams): ListOptions {
  const text = (name: string) => query.get(name) ?? "";
  const limit = readNumber(query, "limit");
  readNumber(query, "timeoutSeconds");
  const match = text("resourceVersionMatch");
  const version = text("resourceVersion");
  const token = text("continue");
  const isWatch = isSet(query, "watch");
  const faults = isWatch ? watchFaults(match) : listFaults(match, version, token);
  if (faults.length > 0) throw invalid("ListOptions", "", faults, "meta.k8s.io");
  if (!/^\d*$/.test(version)) throw isWatch ? failedVersion(version) : invalidVersion(version);
  if (token !== "" && version !== "" && version !== "0")
    throw badRequest("specifying resource version is not allowed when using continue");
  return {
    limit: limit === null || limit <= 0 ? Number.POSITIVE_INFINITY : limit,
    place: token === "" || isWatch ? null : readContinueToken(token),
    version: version === "" ? null : Number(version),
    match,
  };
}

/** Set unless the value says otherwise. */
export function isSet(query: URLSearchParams, name: string): boolean {
  const text = query.get(name);
  return text !== null && !["false", "0"].includes(text.toLowerCase());
}

function listFaults(match: string, version: string, token: string): FieldFault[] {
  if (match === "") return [];
  const faults: FieldFault[] = [];
  const forbid = (detail: string) => faults.push(forbiddenValue("resourceVersionMatch", detail));
  if (version === "") forbid("resourceVersionMatch is forbidden unless resourceVersion is provided");
  if (token !== "") forbid("resourceVersionMatch is forbidden when continue is provided");
  if (match !== "Exact" && match !== "NotOlderThan")
    faults.push({ reason: "FieldValueNotSupported", field: "resourceVersionMatch", detail: match });
  if (match === "Exact" && version === "0") forbid('"exact" is forbidden for resourceVersion "0"');
  return faults;
}

function watchFaults(match: string): FieldFault[] {
  if (match === "") return [];
  const detail = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
  const faults: FieldFault[] = [forbiddenValue("resourceVersionMatch", detail)];
  if (match !== "NotOlderThan")
    faults.push({ reason: "FieldValueNotSupported", field: "resourceVersionMatch", detail: match });
  return faults;
}

function invalidVersion(version: string): Refusal {
  return badRequest(`invalid resource version ${JSON.stringify(version)}`);
}

/** Where the version was not validated before it was read. */
export function failedVersion(version: string): Refusal {
  return new Refusal(500, "", `strconv.ParseUint: parsing ${JSON.stringify(version)}: invalid syntax`);
}

function readNumber(query: URLSearchParams, name: string): number | null {
  const text = query.get(name) ?? "";
  if (text === "") return null;
  if (!/^[+-]?\d+$/.test(text))
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

function readContinueToken(text: string): ListPlace {
  try {
    const { v, rv, start } = JSON.parse(Buffer.from(text, "base64url").toString()) as Record<string, unknown>;
    if (v === API_VERSION && typeof rv === "number" && rv !== 0 && typeof start === "string" && start !== "")
      return { version: rv < 0 ? null : rv, after: start.replace(/\0$/, "") };
  } catch {
    // Refused below in any case.
  }
  throw badRequest("continue key is not valid");
}
