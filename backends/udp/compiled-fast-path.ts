import { readFile } from "node:fs/promises";
import path from "node:path";
import { messageOf, TweedError } from "../../src/runtime/error.ts";

/** The compiled fast path in base64; defined in the bundle only. */
declare const TWEED_FAST_PATH: string | undefined;

/** @throws TweedError `fast-path-missing` if it was never built */
export async function compileFastPath(): Promise<WebAssembly.Module> {
  if (typeof TWEED_FAST_PATH === "string") return WebAssembly.compile(Buffer.from(TWEED_FAST_PATH, "base64"));
  // Tests run from the sources, at the top of the checkout; their set-up builds it.
  const file = path.resolve("dist/fast-path.wasm");
  try {
    return await WebAssembly.compile(await readFile(file));
  } catch (error) {
    throw new TweedError({
      code: "fast-path-missing",
      operation: `load fast path ${file}`,
      reason: `${messageOf(error)}; build it with \`npm run build\``,
      cause: error,
    });
  }
}
