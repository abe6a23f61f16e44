/**
 * Which host wrote a lease, in a field of ours that flannel passes over. An address says where a node is reached, and
 * two hosts may have the same one: every virtual machine of one box, a virtual address that has moved, a flag typed twice.
 */
import { isJsonObject, type JsonObject, type JsonValue } from "../runtime/json.ts";

export interface HostIdentity {
  /** Random, kept in the run directory: a node is the same from boot to shutdown. In Kubernetes the Node's UID. */
  readonly id: string;
  /** For people. */
  readonly hostName: string | null;
  /** Hashes of what tells this machine from others and survives a reboot; null where it cannot be read. */
  readonly machineId: string | null;
  readonly product: string | null;
  /** Hash of the kernel's boot id, a new one with each boot. */
  readonly boot: string | null;
  /** Hash of boot id and network namespace. */
  readonly netns: string | null;
}

/** Ours: behind flannel's fields in a lease's text. */
export const IDENTITY_FIELD = "TweedNode";

const KEYS = { machineId: "Machine", product: "Product", boot: "Boot", netns: "Netns" } as const;
const MARK = /^[0-9a-f]{32}$/;
const HOST_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/**
 * Whether two leases of different ids come from one host: "same" after a reboot, or when the run directory was lost;
 * "unknown" where neither side tells enough. Images are cloned with their machine id, so all that both tell has to agree.
 */
export function compareHosts(one: HostIdentity, other: HostIdentity): "same" | "other" | "unknown" {
  const agree = (mark: keyof typeof KEYS): boolean | null =>
    one[mark] === null || other[mark] === null ? null : one[mark] === other[mark];
  if (agree("boot") === true) {
    const isSameNamespace = agree("netns");
    return isSameNamespace === null ? "unknown" : isSameNamespace ? "same" : "other";
  }
  const told = [agree("machineId"), agree("product")].filter((each) => each !== null);
  if (told.length === 0) return "unknown";
  return told.every((each) => each) ? "same" : "other";
}

/** For a log line or an error. */
export function describeHost({ id, hostName }: HostIdentity): string {
  return hostName === null ? `node ${id}` : `${hostName} (node ${id})`;
}

/** What goes into a lease's text; nothing for who has no identity. */
export function identityFields(identity: HostIdentity | undefined): JsonObject {
  if (identity === undefined) return {};
  const marks = Object.entries(KEYS).flatMap(([mark, key]) => {
    const value = identity[mark as keyof typeof KEYS];
    return value === null ? [] : [[key, value] as const];
  });
  const name = identity.hostName === null ? {} : { Host: identity.hostName };
  return { [IDENTITY_FIELD]: { Id: identity.id, ...name, ...Object.fromEntries(marks) } };
}

/** Nothing for flannel's leases, and for a field that is broken in any way. */
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

/** A host's name where it is one that a lease can carry. */
export function tryHostName(name: string): string | null {
  return HOST_NAME.test(name) ? name : null;
}

export function isIdentityMark(text: string): boolean {
  return MARK.test(text);
}

function matches(value: JsonValue | undefined, pattern: RegExp): value is string {
  return typeof value === "string" && pattern.test(value);
}
