/** Node's own programs of several versions, from npm into the cache. */
import { access, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../../src/runtime/error.ts";
import { run } from "../../src/runtime/program.ts";
import { cacheDirectory } from "../support/cache-directory.ts";

export interface NodeProgram {
  /** As `process.version` has it: "v24.21.0". */
  readonly version: string;
  /** Holds `node`. */
  readonly directory: string;
}

const DOWNLOAD_TIMEOUT_MS = 600_000;

/**
 * The newest Node of the range, such as "24". Where npm cannot be reached it is the one in the cache.
 * @throws TweedError when there is neither
 */
export async function obtainNode(range: string, say: (line: string) => void): Promise<NodeProgram> {
  const prefix = join(cacheDirectory(), "nodes", range);
  // What the package `node` would install in turn, without its script.
  const name = `node-${process.platform}-${process.arch}`;
  const directory = join(prefix, "node_modules", name, "bin");
  const node = join(directory, "node");
  await mkdir(prefix, { recursive: true });
  try {
    const quiet = ["--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1"];
    await run("npm", ["install", `--prefix=${prefix}`, ...quiet, `${name}@${range}`], {
      cwd: prefix,
      timeoutMs: DOWNLOAD_TIMEOUT_MS,
    });
  } catch (error) {
    await access(node).catch(() => {
      throw error;
    });
    say(`Node ${range} is the one in the cache: ${messageOf(error)}`);
  }
  return { version: (await run(node, ["--version"])).trim(), directory };
}
