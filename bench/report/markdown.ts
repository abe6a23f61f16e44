import type { Report } from "./report.ts";
import { tableMarkdown } from "./table.ts";

/** @param pictureFolder path of the pictures, relative to the document */
export function reportMarkdown(report: Report, pictureFolder: string): string {
  const parts = [`# ${report.title}`, report.lead];
  for (const { title, pictures, tables } of report.sections) {
    parts.push(`## ${capital(title)}`);
    for (const { name, title, note } of pictures)
      parts.push(`![${title}](${pictureFolder}/${name}.svg)`, note);
    for (const table of tables) {
      parts.push(`### ${table.title}`);
      if (table.note !== "") parts.push(table.note);
      parts.push(tableMarkdown(table));
    }
  }
  return `${parts.join("\n\n")}\n`;
}

export function capital(title: string): string {
  return title.charAt(0).toUpperCase() + title.slice(1);
}
