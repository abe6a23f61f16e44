/**
 * Identifies the host that wrote a lease, in a field of ours that flannel ignores. A public address does not: two hosts
 * may share one: every virtual machine of one box, a virtual address that has moved, a flag typed twice.
 */
import { isJsonObject, type JsonObject, type JsonValue } from "../runtime/json.ts";

export interface HostIdentity {
  /** Random, stored in the run directory, so it is stable from boot to shutdown. In Kubernetes the Node's UID. */
  readonly id: string;
  /** For display only. */
  readonly hostName: string | null;
  /** Hashes of machine properties that survive a reboot; null where they cannot be read. */
  readonly machineId: string | null;
  readonly product: string | null;
  /** Hash of the kernel's boot id, which changes with each boot. */
  readonly boot: string | null;
  /** Hash of boot id and network namespace. */
  readonly netns: string | null;
}

/** Our field, after flannel's in a lease's text. */
export const IDENTITY_FIELD = "TweedNode";

const KEYS = { machineId: "Machine", product: "Product", boot: "Boot", netns: "Netns" } as const;
const MARK = /^[0-9a-f]{32}$/;
const HOST_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/**
 * Whether two leases of different ids come from one host: "same" after a reboot, or when the run directory was lost;
 * "unknown" when they have no property in common. Images are cloned with their machine id, so every property that both
 * have must agree.
 */
export function compareHosts(one: HostIdentity, other: HostIdentity): "same" | "other" | "unknown" {
  const agree = (mark: keyof typeof KEYS): boolean | null =>
    one[mark] === null || other[mark] === null ? null : one[mark] === other[mark];
  if (agree("boot") === true) {
    const isSameNamespace = agree("netns");
    return isSameNamespace === null ? "unknown" : isSameNamespace ? "same" : "other";
  }
  const shared = [agree("machineId"), agree("product")].filter((each) => each !== null);
  if (shared.length === 0) return "unknown";
  return shared.every((each) => each) ? "same" : "other";
}

/** For a log line or an error. */
export function describeHost({ id, hostName }: HostIdentity): string {
  return hostName === null ? `node ${id}` : `${hostName} (node ${id})`;
}

/** The fields for a lease's text; none without an identity. */
export function identityFields(identity: HostIdentity | undefined): JsonObject {
  if (identity === undefined) return {};
  const marks = Object.entries(KEYS).flatMap(([mark, key]) => {
    const value = identity[mark as keyof typeof KEYS];
    return value === null ? [] : [[key, value] as const];
  });
  const name = identity.hostName === null ? {} : { Host: identity.hostName };
  return { [IDENTITY_FIELD]: { Id: identity.id, ...name, ...Object.fromEntries(marks) } };
}

/** Empty for flannel's leases and for a malformed field. */
export function readIdentity(value: JsonValue): { readonly identity?: HostIdentity } {
  if (!isJsonObject(value) || !matches(value.Id, MARK)) return {};
  const mark = (key: string) => (matches(value[key], MARK) ? value[key] : null);
  const identity: HostIdentity = {
    id: value.Id,
    hostName: matches(value.Host, HOST_NAME) ? value.Host : null,
    machineId: mark(KEYS.machineId),
    product: mark(KEYS.product),
    boot: mark(KEYS.boot),
    netns: mark(KEYS.netns),
  };
  return { identity };
}

/** The host's name, or null when a lease cannot carry it. */
export function tryHostName(name: string): string | null {
  return HOST_NAME.test(name) ? name : null;
}

export function isIdentityMark(text: string): boolean {
  return MARK.test(text);
}

function matches(value: JsonValue | undefined, pattern: RegExp): value is string {
  return typeof value === "string" && pattern.test(value);
}
