/**
 * `npm run bench:readme` writes the figures of the recorded results into the README, and the promises into their
 * document.
 */
import { readFile } from "node:fs/promises";
import { replaceFile } from "../src/runtime/atomic-file.ts";
import { nodeFiles } from "../src/runtime/node-files.ts";
import { promiseDocument } from "./promises/document.ts";
import { readPromiseRecord } from "./promises/record.ts";
import { withFigures, withPromises } from "./readme-section.ts";
import { readResult } from "./result.ts";

const RECORDED = "bench/results/recorded";

const document = await readFile("README.md", "utf8");
const withResult = withFigures(document, await readResult(`${RECORDED}/result.json`));
const promises = await readPromiseRecord(`${RECORDED}/promises.json`);
await replaceFile(nodeFiles, "README.md", withPromises(withResult, promises), { mode: 0o644 });
await replaceFile(nodeFiles, `${RECORDED}/promises.md`, promiseDocument(promises), { mode: 0o644 });
