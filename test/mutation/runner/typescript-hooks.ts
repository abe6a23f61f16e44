/**
 * Module hooks that let Node.js import TypeScript. Each module is transformed alone, so `import.meta.url` and the
 * identity of modules are those of the files.
 */
import { readFile } from "node:fs/promises";
import type { LoadHook } from "node:module";
import { fileURLToPath } from "node:url";
import { transform } from "esbuild";

export const load: LoadHook = async (url, context, nextLoad) => {
  if (!url.startsWith("file:") || !url.endsWith(".ts")) return nextLoad(url, context);
  const path = fileURLToPath(url);
  // Stryker finds a changed test by its line.
  const sourcemap = path.endsWith(".test.ts") ? ("inline" as const) : false;
  const { code } = await transform(await readFile(path, "utf8"), {
    loader: "ts",
    format: "esm",
    target: "node20",
    sourcefile: path,
    sourcemap,
  });
  return { format: "module", source: code, shortCircuit: true };
};
