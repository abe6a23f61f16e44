/** `npm run bench:readme` puts the figures of the recorded results into the README. */
import { readFile } from "node:fs/promises";
import { replaceFile } from "../src/runtime/atomic-file.ts";
import { readPromiseRecord } from "./promises/record.ts";
import { withFigures, withPromises } from "./readme-section.ts";
import { readResult } from "./result.ts";

const RECORDED = "bench/results/recorded";

const document = await readFile("README.md", "utf8");
const withResult = withFigures(document, await readResult(`${RECORDED}/result.json`));
const complete = withPromises(withResult, await readPromiseRecord(`${RECORDED}/promises.json`));
await replaceFile("README.md", complete, 0o644);
