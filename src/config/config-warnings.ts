/**
 * Warnings about parts of a valid network configuration that are probably mistakes. As in flannel unknown keys are
 * ignored, so a typing error in a key shows only here.
 */
import { didYouMean } from "../runtime/closest-word.ts";
import { type JsonKey, jsonKeys } from "./json-keys.ts";

const IPV4_KEYS = ["Network", "SubnetLen", "SubnetMin", "SubnetMax"];
const IPV6_KEYS = ["IPv6Network", "IPv6SubnetLen", "IPv6SubnetMin", "IPv6SubnetMax"];
const KEYS = [...IPV4_KEYS, ...IPV6_KEYS, "EnableIPv4", "EnableIPv6", "EnableNFTables", "Backend"];

/** The parts of an applied configuration that its warnings depend on. */
export interface ConfigContext {
  readonly hasIpv4: boolean;
  readonly hasIpv6: boolean;
  readonly backend: { readonly type: string; readonly optionKeys: readonly string[] };
}

/** Others write the configuration, and each warning is a line of the log. */
const MAX_WARNINGS = 20;

/** @param text a valid configuration */
export function configWarnings(text: string, context: ConfigContext): readonly string[] {
  const warnings: string[] = [];
  for (const warning of allWarnings(jsonKeys(text), context)) {
    if (warnings.length === MAX_WARNINGS) return [...warnings, "further warnings are not shown"];
    warnings.push(warning);
  }
  return warnings;
}

function* allWarnings(
  keys: readonly JsonKey[],
  { hasIpv4, hasIpv6, backend }: ConfigContext,
): Generator<string, void> {
  const top = keys.filter(({ path }) => path.length === 0).map(({ key }) => key);
  const options = keys
    .filter(({ path }) => path.length === 1 && path[0]?.toLowerCase() === "backend")
    .map(({ key }) => key);
  const given = new Set(top.map((key) => key.toLowerCase()));
  const has = (name: string) => given.has(name.toLowerCase());
  const ofFamily = (family: readonly string[], enable: string) =>
    family.filter(has).map((key) => `${key} has no effect without "${enable}": true`);
  yield* unknown(top, KEYS, "", { owner: "in Backend", keys: backend.optionKeys });
  yield* unknown(
    options,
    ["Type", ...backend.optionKeys],
    `Backend.Type ${JSON.stringify(backend.type)} has no `,
    {
      owner: "beside Backend",
      keys: KEYS,
    },
  );
  yield* repeated(keys);
  if (!hasIpv4) yield* ofFamily(IPV4_KEYS, "EnableIPv4");
  if (!hasIpv6) yield* ofFamily(IPV6_KEYS, "EnableIPv6");
  if (!has("Backend")) yield `no Backend is given, so it is udp, as in flannel; write "Backend": {"Type": …}`;
}

/** Ignores case, as Go does. @param elsewhere the other object, for keys that belong there */
function* unknown(
  given: readonly string[],
  known: readonly string[],
  prefix: string,
  elsewhere: { readonly owner: string; readonly keys: readonly string[] },
): Generator<string, void> {
  const [knownNames, namesElsewhere] = [known, elsewhere.keys].map(
    (keys) => new Set(keys.map((key) => key.toLowerCase())),
  );
  for (const key of given) {
    if (knownNames?.has(key.toLowerCase())) continue;
    const name = JSON.stringify(key.slice(0, MAX_KEY_LENGTH));
    const what = prefix === "" ? `unknown key ${name}` : `${prefix}${name}`;
    const isElsewhere = namesElsewhere?.has(key.toLowerCase());
    yield isElsewhere ? `${what}; it belongs ${elsewhere.owner}` : `${what}${didYouMean(key, known)}`;
  }
}

const MAX_KEY_LENGTH = 80;

function* repeated(keys: readonly JsonKey[]): Generator<string, void> {
  const seen = new Map<string, string>();
  for (const { key, path, object } of keys) {
    const place = `${object} ${key.toLowerCase()}`;
    const earlier = seen.get(place);
    if (earlier !== undefined) {
      const name = [...path, key].join(".").slice(0, MAX_KEY_LENGTH);
      const also = earlier === key ? "" : ` (also as ${earlier.slice(0, MAX_KEY_LENGTH)})`;
      yield `${name} is given twice${also}; the last one counts`;
    }
    seen.set(place, key);
  }
}
