/** Policy rules: RTM_NEWRULE, RTM_GETRULE (struct fib_rule_hdr and FRA_*, linux/fib_rules.h). */
import { type Family, type Ip, type Prefix, prefixOf } from "../../net/index.ts";
import { type Attributes, readBody } from "./attributes.ts";
import { BodyWriter } from "./body-writer.ts";
import { afOf, requireFamily, requireLength } from "./family.ts";

export const RTM_RULE = { new: 32, delete: 33, get: 34 } as const;

/** fib_rule_hdr.action */
export const FR_ACT = { toTable: 1, blackhole: 6, unreachable: 7, prohibit: 8 } as const;
const FIB_RULE_INVERT = 2;

const RULE_BYTES = 12;
const FRA = {
  destination: 1,
  source: 2,
  inputDevice: 3,
  priority: 6,
  mark: 10,
  tunnelId: 12,
  suppressPrefixLength: 14,
  table: 15,
  outputDevice: 17,
  l3mdev: 19,
  uidRange: 20,
  protocol: 22,
  sourcePorts: 23,
  destinationPorts: 24,
} as const;
/** Selectors other than addresses and the input device. */
const OTHER_SELECTORS = [
  FRA.mark,
  FRA.tunnelId,
  FRA.outputDevice,
  FRA.l3mdev,
  FRA.uidRange,
  FRA.protocol,
  FRA.sourcePorts,
  FRA.destinationPorts,
];

export interface RuleMessage {
  readonly family: Family;
  readonly priority: number;
  readonly action: number;
  readonly table: number;
  /** null for any. */
  readonly source: Prefix | null;
  readonly destination: Prefix | null;
  readonly inputDevice: string | null;
  /** It has selectors other than addresses and the input device: a mark, ports, a user. */
  readonly hasOtherSelectors: boolean;
  /** It applies to packets that do not match. */
  readonly isInverted: boolean;
  /** The lookup ignores routes whose prefix is no longer than this; null for no limit. */
  readonly suppressedLength: number | null;
}

/** @throws TweedError `netlink-malformed` */
export function decodeRule(body: Uint8Array): RuleMessage {
  const { struct, attributes } = readBody(body, RULE_BYTES, "rule");
  const family = requireFamily(struct.getUint8(0), "rule");
  const suppressed = attributes.u32(FRA.suppressPrefixLength);
  return {
    family,
    priority: attributes.u32(FRA.priority) ?? 0,
    action: struct.getUint8(7),
    table: attributes.u32(FRA.table) ?? struct.getUint8(4),
    source: readPrefix(family, struct.getUint8(2), FRA.source, attributes),
    destination: readPrefix(family, struct.getUint8(1), FRA.destination, attributes),
    inputDevice: attributes.text(FRA.inputDevice),
    hasOtherSelectors: struct.getUint8(3) !== 0 || OTHER_SELECTORS.some((type) => attributes.has(type)),
    isInverted: (struct.getUint32(8, true) & FIB_RULE_INVERT) !== 0,
    // -1 means no limit.
    suppressedLength: suppressed === null || suppressed > 128 ? null : suppressed,
  };
}

/** Requests the rules of a family. */
export function encodeRuleQuery(family: Family): Uint8Array {
  return new BodyWriter(RULE_BYTES, (struct) => struct.setUint8(0, afOf(family))).finish();
}

function readPrefix(family: Family, length: number, type: number, attributes: Attributes): Prefix | null {
  const ip: Ip | null = attributes.ip(type);
  requireLength(family, length, "rule");
  return ip === null ? null : prefixOf(ip, length);
}
