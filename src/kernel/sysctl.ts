import { readFileSync, writeFileSync } from "node:fs";
import { messageOf, TweedError } from "../runtime/error.ts";
import type { SysctlState } from "./state.ts";

const ROOT = "/proc/sys";

/**
 * Sets a kernel parameter. One that already has the value is not written, so that a read-only /proc/sys, usual in
 * containers, is no failure where the value is right.
 *
 * Synchronous on purpose: /proc/sys/net shows the network namespace of the reading thread, and Node's asynchronous file
 * calls run on other threads.
 *
 * @throws TweedError `sysctl-invalid`, `sysctl-missing` (the kernel or the device does not have it),
 *   `sysctl-read-only`, `sysctl-refused`
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
    const errno = error instanceof Error && "code" in error ? String(error.code) : "";
    if (errno === "EROFS" && isInEffect(path, value)) return;
    throw new TweedError({ ...refusal(errno, `${path}=${value}`, error), operation, cause: error });
  }
}

/**
 * The value of a kernel parameter, or null where it is absent or this process may not read it. Synchronous as {@link
 * writeSysctl}.
 */
export function readSysctl(path: string): string | null {
  if (!isSysctlPath(path)) return null;
  try {
    return readFileSync(`${ROOT}/${path}`, "latin1").trim();
  } catch {
    return null;
  }
}

function refusal(
  errno: string,
  setting: string,
  error: unknown,
): { readonly code: string; readonly reason: string } {
  switch (errno) {
    case "ENOENT":
      return { code: "sysctl-missing", reason: "this kernel or device has no such parameter" };
    case "EROFS": {
      const reason = `${ROOT} is read-only, as in a container; on the host itself: sysctl -w ${setting}`;
      return { code: "sysctl-read-only", reason };
    }
    default:
      return { code: "sysctl-refused", reason: messageOf(error) };
  }
}

/** On a device that forwards, an accept_ra of 1 has the effect of 0 (Documentation/networking/ip-sysctl.rst). */
function isInEffect(path: string, value: string): boolean {
  const [, device] = /^net\/ipv6\/conf\/(.+)\/accept_ra$/.exec(path) ?? [];
  if (device === undefined || value !== "0") return false;
  const read = (name: string) => readSysctl(`net/ipv6/conf/${device}/${name}`);
  return read("accept_ra") === "1" && (read("forwarding") ?? "0") !== "0";
}

/** Plain names between "/"; a dot within a name is fine: `net/ipv6/conf/flannel.1/accept_ra`. */
function isSysctlPath(path: string): boolean {
  return path
    .split("/")
    .every((name) => name !== "" && name !== "." && name !== ".." && !name.includes("\0"));
}
