import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { replaceFile } from "../../src/runtime/atomic-file.ts";
import { nodeFiles } from "../../src/runtime/node-files.ts";
import type { BenchResult } from "../result.ts";
import { reportHtml } from "./html.ts";
import { reportMarkdown } from "./markdown.ts";
import { PICTURE_STYLE } from "./picture/style.ts";
import { reportOf } from "./report.ts";

const PICTURES = "pictures";
const MODE = 0o644;

/** Writes report.html, which is self-contained, and report.md with its pictures in a folder beside it. */
export async function writeReport(result: BenchResult, directory: string): Promise<void> {
  const report = reportOf(result);
  const pictures = join(directory, PICTURES);
  await rm(pictures, { recursive: true, force: true });
  await mkdir(pictures, { recursive: true });
  await replaceFile(nodeFiles, join(directory, "report.html"), reportHtml(report), { mode: MODE });
  await replaceFile(nodeFiles, join(directory, "report.md"), reportMarkdown(report, PICTURES), {
    mode: MODE,
  });
  for (const { name, svg } of report.sections.flatMap((section) => section.pictures)) {
    await replaceFile(nodeFiles, join(pictures, `${name}.svg`), standAlone(svg), { mode: MODE });
  }
}

/** Embeds the colours of the page. */
function standAlone(svg: string): string {
  return `${svg.replace(">", `><style>${PICTURE_STYLE}</style>`)}\n`;
}
