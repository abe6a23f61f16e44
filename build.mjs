/** Builds `dist/`: one bundled file that is the whole program, beside the packages that hold native code. */
import { chmod, readFile } from "node:fs/promises";
import { build } from "esbuild";

const { version } = JSON.parse(await readFile(new URL("package.json", import.meta.url), "utf8"));

await build({
  entryPoints: ["src/main.ts"],
  outfile: "dist/tweed.cjs",
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  minifySyntax: true,
  minifyWhitespace: true,
  keepNames: true,
  sourcemap: true,
  sourcesContent: false,
  legalComments: "none",
  banner: { js: "#!/usr/bin/env node" },
  define: { TWEED_VERSION: JSON.stringify(version) },
  // Native code is loaded from node_modules at run time.
  external: ["koffi", "raw-socket"],
  logLevel: "warning",
});
await chmod("dist/tweed.cjs", 0o755);
