/** subnet.env, from which CNI plugins and Docker read the node's subnet, in flannel's format byte for byte. */
import {
  type DualPrefix,
  type DualStack,
  type Ipv4Prefix,
  type Ipv6Prefix,
  isIpv4Prefix,
  nthAddress,
  type Prefix,
  prefixLength,
  prefixOf,
  tryParseCidr,
} from "../../net/index.ts";
import { replaceFile } from "../../runtime/atomic-file.ts";
import { messageOf, TweedError } from "../../runtime/error.ts";
import { type Files, isMissing, readText } from "../../runtime/files.ts";

/** The daemon writes some two hundred bytes, and an operator's comments are not a book. */
const MAX_BYTES = 16 * 1024;
/** Of a list, where one network is expected: each that is skipped is a line of the log. */
const MAX_ITEMS = 16;

export interface SubnetEnv {
  readonly networks: DualStack<Ipv4Prefix, Ipv6Prefix>;
  /** A family has a pair of lines when both its network and its subnet are set. */
  readonly subnets: DualPrefix;
  readonly mtuBytes: number;
  /** Whether the daemon masquerades, so that the CNI plugin does not. */
  readonly masquerade: boolean;
}

/** The contents that an earlier daemon wrote; null where it wrote no valid value. */
export interface PreviousSubnetEnv {
  readonly networks: DualPrefix;
  readonly subnets: DualPrefix;
  /** Skipped items with the reasons, for the log. */
  readonly faults: readonly string[];
}

/** The subnet is written with its first host address, which the node's bridge gets. */
export function formatSubnetEnv({ networks, subnets, mtuBytes, masquerade }: SubnetEnv): string {
  const lines: string[] = [];
  if (networks.v4 !== null && subnets.v4 !== null) {
    lines.push(
      `FLANNEL_NETWORK=${networks.v4}`,
      `FLANNEL_SUBNET=${nthAddress(subnets.v4, 1)}/${prefixLength(subnets.v4)}`,
    );
  }
  if (networks.v6 !== null && subnets.v6 !== null) {
    lines.push(
      `FLANNEL_IPV6_NETWORK=${networks.v6}`,
      `FLANNEL_IPV6_SUBNET=${nthAddress(subnets.v6, 1)}/${prefixLength(subnets.v6)}`,
    );
  }
  lines.push(`FLANNEL_MTU=${mtuBytes}`, `FLANNEL_IPMASQ=${masquerade}`);
  return `${lines.join("\n")}\n`;
}

/**
 * Replaces the file in one step.
 * @throws TweedError `subnet-env` (retryable), which names the path
 */
export async function writeSubnetEnv(files: Files, path: string, env: SubnetEnv): Promise<void> {
  try {
    await replaceFile(files, path, formatSubnetEnv(env), { mode: 0o644 });
  } catch (error) {
    throw fileError(`write ${path}`, error);
  }
}

/**
 * Reads networks and subnets from the file; subnets are masked, as the file holds the bridge's address. A missing file
 * counts as empty.
 * @throws TweedError `subnet-env` when the file exists and cannot be read
 */
export async function readSubnetEnv(files: Files, path: string): Promise<PreviousSubnetEnv> {
  try {
    return parseSubnetEnv(await readText(files, path, MAX_BYTES));
  } catch (error) {
    if (isMissing(error)) return parseSubnetEnv("");
    throw fileError(`read ${path}`, error);
  }
}

/** Dotenv syntax: blank lines, comments, "export" and quotes are allowed; of two lines for a key the last one wins. */
export function parseSubnetEnv(text: string): PreviousSubnetEnv {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = KEY.exec(line);
    if (match !== null) values.set(match[1] as string, unquoted(line.slice(match[0].length)));
  }
  const faults: string[] = [];
  const read = <P extends Prefix>(key: string, isFamily: (prefix: Prefix) => prefix is P) =>
    readPrefix(key, values.get(key) ?? "", isFamily, faults);
  return {
    networks: { v4: read("FLANNEL_NETWORK", isIpv4Prefix), v6: read("FLANNEL_IPV6_NETWORK", isIpv6Prefix) },
    subnets: { v4: read("FLANNEL_SUBNET", isIpv4Prefix), v6: read("FLANNEL_IPV6_SUBNET", isIpv6Prefix) },
    faults,
  };
}

/** The text behind it is read without a pattern: one for quotes and comments takes time that grows with the square. */
const KEY = /^\s*(?:export\s+)?(\w+)\s*=/;

/** Up to a comment, without the quotes around it. */
function unquoted(text: string): string {
  const comment = text.search(/\s#/);
  const value = (comment < 0 ? text : text.slice(0, comment)).trim();
  const [quote = ""] = value;
  const isQuoted = value.length > 1 && ['"', "'"].includes(quote) && value.endsWith(quote);
  return isQuoted ? value.slice(1, -1) : value;
}

/** A comma list, as flannel allows; invalid items are skipped, and exactly one must remain. */
function readPrefix<P extends Prefix>(
  key: string,
  list: string,
  isFamily: (prefix: Prefix) => prefix is P,
  faults: string[],
): P | null {
  const prefixes: P[] = [];
  const items = list.split(",");
  const refuse = (count: number) => {
    faults.push(`${key}: ${count} networks where one is expected, none is used`);
    return null;
  };
  if (items.length > MAX_ITEMS) return refuse(items.length);
  for (const each of items) {
    const item = each.trim();
    if (item === "") continue;
    const cidr = tryParseCidr(item);
    const prefix = cidr === null ? null : prefixOf(cidr.ip, cidr.length);
    if (prefix !== null && isFamily(prefix)) prefixes.push(prefix);
    else faults.push(`${key}: ${JSON.stringify(item.slice(0, 64))} is no network of its family, skipped`);
  }
  const [only = null] = prefixes;
  return prefixes.length <= 1 ? only : refuse(prefixes.length);
}

function isIpv6Prefix(prefix: Prefix): prefix is Ipv6Prefix {
  return !isIpv4Prefix(prefix);
}

function fileError(operation: string, cause: unknown): TweedError {
  return new TweedError({
    code: "subnet-env",
    operation,
    reason: `${messageOf(cause)}; --subnet-file sets the path`,
    retryable: true,
    cause,
  });
}
