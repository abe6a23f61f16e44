/** The parts of a Markdown document that tests compare with the code. */
import { readFile } from "node:fs/promises";

export interface CodeBlock {
  /** The language after the fence: "sh", "json"; empty without one. */
  readonly language: string;
  readonly lines: readonly string[];
}

/** @param name of a document at the top of the project: "README.md" */
export function readDocument(name: string): Promise<string> {
  return readFile(new URL(`../../${name}`, import.meta.url), "utf8");
}

/** The text from a heading to the next one of its rank or above. @throws Error when there is no such heading */
export function section(markdown: string, heading: string): string {
  const lines = markdown.split("\n");
  const first = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, "") === heading);
  const rank = lines[first]?.indexOf(" ");
  if (rank === undefined) throw new Error(`there is no heading ${JSON.stringify(heading)}`);
  const end = new RegExp(`^#{1,${rank}} `);
  const rest = lines.slice(first + 1);
  const length = rest.findIndex((line) => end.test(line));
  return rest.slice(0, length < 0 ? rest.length : length).join("\n");
}

export function codeBlocks(markdown: string): CodeBlock[] {
  return [...markdown.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language = "", text = ""]) => ({
    language,
    lines: text.trimEnd().split("\n"),
  }));
}

/** The rows of all tables, each as its cells, without headings. */
export function tableRows(markdown: string): string[][] {
  const lines = markdown.split("\n");
  const isRow = (line: string | undefined) => line?.startsWith("|") === true;
  const isRule = (line: string | undefined) => /^\|[ :|-]+\|$/.test(line ?? "");
  return lines
    .filter((line, index) => isRow(line) && !isRule(line) && !isRule(lines[index + 1]))
    .map((line) =>
      line
        .slice(1, line.lastIndexOf("|"))
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim().replaceAll("\\|", "|")),
    );
}

/** Texts in backquotes, in order. */
export function codeSpans(text: string): string[] {
  return [...text.matchAll(/`([^`\n]+)`/g)].map(([, span = ""]) => span);
}

/** Targets of links that are neither absolute nor within the document. */
export function relativeLinks(markdown: string): string[] {
  const targets = [...markdown.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
  return targets
    .filter((target) => !/^(?:[a-z]+:|#)/.test(target))
    .map((target) => target.replace(/#.*$/, ""));
}
