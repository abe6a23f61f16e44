/**
 * Saves the text of the network configuration in force. Where the one in the store is refused, a daemon that restarts
 * continues with the saved one, as it would have without the restart.
 */
import type { Backend } from "../../../backends/backend.ts";
import { BACKENDS } from "../../../backends/registry.ts";
import type { SubnetSource } from "../../config/address-plan.ts";
import { replaceFile } from "../../runtime/atomic-file.ts";
import { messageOf } from "../../runtime/error.ts";
import { type Files, isMissing, readText } from "../../runtime/files.ts";
import type { Log } from "../../runtime/log.ts";
import { type Configuration, readConfiguration } from "./configuration.ts";

/** Far beyond what anybody writes by hand. */
const MAX_BYTES = 256 * 1024;

interface FilesAndLog {
  readonly files: Files;
  readonly log: Log;
}

/** Beside subnet.env, so that a reboot removes it. Named after it, as two daemons on a host may share a directory. */
export function lastGoodConfigFile(subnetFile: string): string {
  return `${subnetFile}.net-conf`;
}

/** null where there is none, or it is refused: it is checked as if it came from the store. */
export async function readLastGoodConfig(
  path: string,
  subnets: SubnetSource,
  { files, log }: FilesAndLog,
  backends: readonly Backend[] = BACKENDS,
): Promise<Configuration | null> {
  try {
    return readConfiguration(await readText(files, path, MAX_BYTES), path, subnets, backends);
  } catch (error) {
    if (!isMissing(error)) {
      const reason = messageOf(error);
      log.warn({ op: "read-last-config", path, reason }, "last good network configuration not read");
    }
    return null;
  }
}

/** A failure is logged, and the daemon continues, as when the file cannot be read. */
export async function writeLastGoodConfig(
  path: string,
  text: string,
  { files, log }: FilesAndLog,
): Promise<void> {
  if (Buffer.byteLength(text) > MAX_BYTES) return;
  try {
    await replaceFile(files, path, text, { mode: 0o600 });
  } catch (error) {
    const fields = { op: "write-last-config", path, reason: messageOf(error) };
    log.warn(fields, "network configuration not saved, a restart cannot fall back to it");
  }
}
