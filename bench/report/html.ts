/** The report as one self-contained file. */
import { capital } from "./markdown.ts";
import { escapeMarkup } from "./picture/element.ts";
import type { Picture } from "./picture/panel.ts";
import { PICTURE_STYLE } from "./picture/style.ts";
import type { Report, ReportSection } from "./report.ts";
import type { Table } from "./table.ts";

const PAGE_STYLE = `
body { margin: 0 auto; max-width: 1040px; padding: 2rem 1.25rem 4rem; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; }
h1 { font-size: 1.7rem; margin: 0 0 0.3rem; }
h2 { font-size: 1.25rem; margin: 3rem 0 0.8rem; padding-top: 0.8rem; border-top: 2px solid var(--line); }
h3 { font-size: 1rem; margin: 1.8rem 0 0.4rem; }
p { margin: 0.3rem 0 0.7rem; color: var(--soft); }
figure { margin: 1.6rem 0; }
figcaption { font-weight: 600; margin-bottom: 0.6rem; }
figcaption span { display: block; font-weight: 400; font-size: 0.85rem; color: var(--soft); }
svg { width: 100%; height: auto; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.84rem; font-variant-numeric: tabular-nums; width: 100%; }
th, td { padding: 0.35rem 0.6rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
th { color: var(--soft); font-weight: 600; }
tbody tr:nth-child(even) { background: var(--shade); }
.words td { text-align: left; white-space: normal; }
`.trim();

export function reportHtml(report: Report): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeMarkup(report.title)}</title>
<style>
${PICTURE_STYLE}
${PAGE_STYLE}
</style>
</head>
<body>
<h1>${escapeMarkup(report.title)}</h1>
<p>${escapeMarkup(report.lead)}</p>
${report.sections.map(sectionHtml).join("\n")}
</body>
</html>
`;
}

function sectionHtml({ title, pictures, tables }: ReportSection): string {
  const parts = [...pictures.map(figureHtml), ...tables.map(tableHtml)];
  return `<section>\n<h2>${escapeMarkup(capital(title))}</h2>\n${parts.join("\n")}\n</section>`;
}

function figureHtml({ title, note, svg }: Picture): string {
  const caption = `${escapeMarkup(title)}<span>${escapeMarkup(note)}</span>`;
  return `<figure>\n<figcaption>${caption}</figcaption>\n${svg}\n</figure>`;
}

function tableHtml({ title, note, head, rows }: Table): string {
  const cells = (tag: "th" | "td", row: readonly string[]) =>
    `<tr>${row.map((cell) => `<${tag}>${escapeMarkup(cell)}</${tag}>`).join("")}</tr>`;
  const hasHead = head.some((name) => name !== "");
  // Columns without a head contain words, not figures.
  const table = `<table${hasHead ? "" : ' class="words"'}>
${hasHead ? `<thead>${cells("th", head)}</thead>\n` : ""}<tbody>
${rows.map((row) => cells("td", row)).join("\n")}
</tbody>
</table>`;
  const about = note === "" ? "" : `<p>${escapeMarkup(note)}</p>\n`;
  return `<h3>${escapeMarkup(title)}</h3>\n${about}<div class="scroll">${table}</div>`;
}
