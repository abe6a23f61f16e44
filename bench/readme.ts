/** `npm run bench:readme` puts the figures of the recorded result into the README. */
import { readFile } from "node:fs/promises";
import { replaceFile } from "../src/runtime/atomic-file.ts";
import { withFigures } from "./readme-section.ts";
import { readResult } from "./result.ts";

const document = await readFile("README.md", "utf8");
await replaceFile(
  "README.md",
  withFigures(document, await readResult("bench/results/recorded/result.json")),
  0o644,
);
