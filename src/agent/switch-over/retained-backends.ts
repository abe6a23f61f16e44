/**
 * The file of the backends on which this node receives, as the `Backend` objects of their configurations. A daemon that
 * is killed during a change restarts on the same paths.
 */
import type { Backend } from "../../../backends/backend.ts";
import { BACKENDS } from "../../../backends/registry.ts";
import type { NetworkConfig } from "../../config/network-config.ts";
import { replaceFile } from "../../runtime/atomic-file.ts";
import { messageOf } from "../../runtime/error.ts";
import { type Files, isMissing, readText } from "../../runtime/files.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../runtime/json.ts";
import { Latest } from "../../runtime/latest.ts";
import type { Log } from "../../runtime/log.ts";
import { type ActiveBackend, activateBackend } from "./active-backend.ts";

/** Far beyond what this daemon writes: every backend has the options of a configuration. */
const MAX_BYTES = 64 * 1024;
/** A node receives on the backend in force, and on those before it of the last minutes. */
const MAX_BACKENDS = 16;

interface FilesAndLog {
  readonly files: Files;
  readonly log: Log;
}

/** Beside subnet.env, so that a reboot removes it. Named after it, as two daemons on a host may share a directory. */
export function retainedBackendsFile(subnetFile: string): string {
  return `${subnetFile}.backends`;
}

/** An unreadable or invalid file is logged and ignored: it costs at most a gap in traffic during a change. */
export async function readRetainedBackends(
  path: string,
  config: NetworkConfig,
  { files, log }: FilesAndLog,
  backends: readonly Backend[] = BACKENDS,
): Promise<readonly ActiveBackend[]> {
  try {
    const stored: JsonValue = JSON.parse(await readText(files, path, MAX_BYTES));
    if (!Array.isArray(stored)) throw new TypeError("it is not a list of backends");
    if (stored.length > MAX_BACKENDS) {
      const reason = `it has ${stored.length} backends, the first ${MAX_BACKENDS} are read`;
      log.warn({ op: "read-backends", path, reason }, "retained backends not resumed");
    }
    return stored.slice(0, MAX_BACKENDS).flatMap((options) => {
      try {
        if (!isJsonObject(options)) throw new TypeError("it is not the options of a backend");
        return activateBackend({ ...config, backend: { type: typeOf(options), options } }, backends);
      } catch (error) {
        // The network may have changed since, as to IPv6, and the others still fit it.
        log.warn({ op: "read-backends", path, reason: messageOf(error) }, "retained backend not resumed");
        return [];
      }
    });
  } catch (error) {
    if (!isMissing(error)) {
      log.warn({ op: "read-backends", path, reason: messageOf(error) }, "retained backends not read");
    }
    return [];
  }
}

/** Writes the newest list to the file. */
export class RetainedBackends {
  readonly #path: string;
  readonly #parts: FilesAndLog;
  readonly #onRetained: (backends: readonly ActiveBackend[]) => void;
  readonly #wanted = new Latest<readonly ActiveBackend[]>();

  /** @param onRetained called when the file holds these, or could not be written */
  constructor(path: string, parts: FilesAndLog, onRetained: (backends: readonly ActiveBackend[]) => void) {
    this.#path = path;
    this.#parts = parts;
    this.#onRetained = onRetained;
  }

  put(backends: readonly ActiveBackend[]): void {
    this.#wanted.put(backends);
  }

  async run(signal: AbortSignal): Promise<never> {
    for (;;) {
      const backends = await this.#wanted.take(signal);
      await writeRetainedBackends(this.#path, backends, this.#parts);
      signal.throwIfAborted();
      this.#onRetained(backends);
    }
  }
}

/** A failure is logged, and the daemon continues, as when the file cannot be read. */
export async function writeRetainedBackends(
  path: string,
  active: readonly ActiveBackend[],
  { files, log }: FilesAndLog,
): Promise<void> {
  const options = active.map((backend) => ({ ...backend.options, Type: backend.type }));
  try {
    await replaceFile(files, path, `${JSON.stringify(options)}\n`, { mode: 0o600 });
  } catch (error) {
    const fields = { op: "write-backends", path, reason: messageOf(error) };
    log.warn(fields, "retained backends not saved, a restart cannot resume them");
  }
}

function typeOf(options: JsonObject): string {
  return String(options.Type ?? "");
}
