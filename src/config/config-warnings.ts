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

/** @param text a valid configuration */
export function configWarnings(
  text: string,
  { hasIpv4, hasIpv6, backend }: ConfigContext,
): readonly string[] {
  const keys = jsonKeys(text);
  const isIn = (path: readonly string[]) => (each: JsonKey) =>
    each.path.length === path.length && path.every((name, index) => isSame(name, each.path[index] ?? ""));
  const top = keys.filter(isIn([])).map(({ key }) => key);
  const options = keys.filter(isIn(["Backend"])).map(({ key }) => key);
  const has = (name: string) => top.some((key) => isSame(key, name));
  const ofFamily = (family: readonly string[], enable: string) =>
    family.filter(has).map((key) => `${key} has no effect without "${enable}": true`);
  return [
    ...unknown(top, KEYS, "", { owner: "in Backend", keys: backend.optionKeys }),
    ...unknown(
      options,
      ["Type", ...backend.optionKeys],
      `Backend.Type ${JSON.stringify(backend.type)} has no `,
      {
        owner: "beside Backend",
        keys: KEYS,
      },
    ),
    ...repeated(keys),
    ...(hasIpv4 ? [] : ofFamily(IPV4_KEYS, "EnableIPv4")),
    ...(hasIpv6 ? [] : ofFamily(IPV6_KEYS, "EnableIPv6")),
    ...(has("Backend")
      ? []
      : [`no Backend is given, so it is udp, as in flannel; write "Backend": {"Type": …}`]),
  ];
}

/** Ignores case, as Go does. */
function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

/** @param elsewhere the other object, for keys that belong there */
function unknown(
  given: readonly string[],
  known: readonly string[],
  prefix: string,
  elsewhere: { readonly owner: string; readonly keys: readonly string[] },
): string[] {
  return given
    .filter((key) => !known.some((each) => isSame(each, key)))
    .map((key) => {
      const name = JSON.stringify(key.slice(0, MAX_KEY_LENGTH));
      const what = prefix === "" ? `unknown key ${name}` : `${prefix}${name}`;
      const isElsewhere = elsewhere.keys.some((each) => isSame(each, key));
      return isElsewhere ? `${what}; it belongs ${elsewhere.owner}` : `${what}${didYouMean(key, known)}`;
    });
}

const MAX_KEY_LENGTH = 80;

function repeated(keys: readonly JsonKey[]): string[] {
  const seen = new Map<string, string>();
  const warnings: string[] = [];
  for (const { key, path, object } of keys) {
    const place = `${object} ${key.toLowerCase()}`;
    const earlier = seen.get(place);
    if (earlier !== undefined) {
      const name = [...path, key].join(".").slice(0, MAX_KEY_LENGTH);
      warnings.push(
        `${name} is given twice${earlier === key ? "" : ` (also as ${earlier})`}; the last one counts`,
      );
    }
    seen.set(place, key);
  }
  return warnings;
}
