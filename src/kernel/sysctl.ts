import { readFileSync, writeFileSync } from "node:fs";
import { messageOf, TweedError } from "../runtime/error.ts";
import type { SysctlState } from "./state.ts";

const ROOT = "/proc/sys";

/**
 * Sets a kernel parameter. One that has the value already is left alone, so that a read-only /proc/sys, usual in
 * containers, is no failure as long as somebody set it right.
 *
 * Synchronous on purpose: /proc/sys/net shows the network namespace of the thread that looks, and Node's
 * asynchronous file calls run on threads of their own.
 *
 * @throws TweedError `sysctl-invalid`, `sysctl-missing` (the kernel or the device is without it),
 *   `sysctl-refused`
 */
export function writeSysctl({ path, value }: SysctlState): void {
  const operation = `set sysctl ${path} to ${JSON.stringify(value)}`;
  if (!isSysctlPath(path)) {
    throw new TweedError({
      code: "sysctl-invalid",
      operation,
      reason: `the path must lie below ${ROOT}, as in net/ipv4/ip_forward`,
    });
  }
  const file = `${ROOT}/${path}`;
  try {
    if (readFileSync(file, "latin1").trim() === value) return;
    writeFileSync(file, value, { flag: "r+" });
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    throw new TweedError({
      code: isMissing ? "sysctl-missing" : "sysctl-refused",
      operation,
      reason: isMissing ? "this kernel or device has no such parameter" : messageOf(error),
      cause: error,
    });
  }
}

/**
 * The value of a kernel parameter, or null where it cannot be read: there is none, or this process may not. Synchronous
 * as {@link writeSysctl}.
 */
export function readSysctl(path: string): string | null {
  if (!isSysctlPath(path)) return null;
  try {
    return readFileSync(`${ROOT}/${path}`, "latin1").trim();
  } catch {
    return null;
  }
}

/** Plain names between "/"; a dot within a name is fine: `net/ipv6/conf/flannel.1/accept_ra`. */
function isSysctlPath(path: string): boolean {
  return path
    .split("/")
    .every((name) => name !== "" && name !== "." && name !== ".." && !name.includes("\0"));
}
