/**
 * Compiles the fast path, backends/udp/assembly, to dist/fast-path.wasm: in `npm run build`, before tests when it is
 * stale, and whenever this file is run directly.
 */
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const root = fileURLToPath(new URL("../..", import.meta.url));
const sources = "backends/udp/assembly";
const output = "dist/fast-path.wasm";

/** No garbage collector and no runtime: the code never allocates. Memory is imported and shared. */
const OPTIONS = [
  ["--runtime", "stub"],
  ["--optimizeLevel", "3"],
  ["--shrinkLevel", "0"],
  ["--noAssert"],
  ["--use", "abort="],
  ["--importMemory"],
  ["--noExportMemory"],
  ["--sharedMemory"],
  ["--initialMemory", "1"],
  ["--maximumMemory", "65536"],
  // "v128 in an exported function": those are exported to other files only.
  ["--disableWarning", "112"],
  ["--enable", "simd"],
  ["--enable", "threads"],
  ["--enable", "bulk-memory"],
].flat();

/**
 * @param {{ ifStale?: boolean }} options with `ifStale`, compiles only when a source or the compiler is newer
 */
export async function buildAssembly({ ifStale = false } = {}) {
  if (ifStale && !(await isStale())) return;
  await mkdir(path.join(root, "dist"), { recursive: true });
  // Written to another file and renamed, so that a concurrent build never reads half a file.
  const draft = `${output}.${process.pid}`;
  try {
    const { error, stderr } = await asc.main([
      `${sources}/index.ts`,
      "--baseDir",
      root,
      "--outFile",
      draft,
      ...OPTIONS,
    ]);
    const text = stderr.toString();
    if (error !== null) throw new Error(`compile ${sources}: ${error.message}\n${text}`);
    if (text !== "") process.stderr.write(text);
    await rename(path.join(root, draft), path.join(root, output));
  } finally {
    await rm(path.join(root, draft), { force: true });
  }
}

async function isStale() {
  const built = await modifiedMs(path.join(root, output));
  if (built === null) return true;
  const files = (await readdir(path.join(root, sources))).map((name) => path.join(root, sources, name));
  // The lock file names the compiler's version.
  for (const file of [...files, path.join(root, "package-lock.json"), fileURLToPath(import.meta.url)]) {
    if (((await modifiedMs(file)) ?? 0) > built) return true;
  }
  return false;
}

async function modifiedMs(file) {
  try {
    return (await stat(file)).mtimeMs;
  } catch (error) {
    if (error.code === "ENOENT") return null;
    throw error;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildAssembly();
