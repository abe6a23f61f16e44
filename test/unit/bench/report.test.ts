import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lossesOf, ratiosOf } from "../../../bench/ratios.ts";
import { withFigures } from "../../../bench/readme-section.ts";
import { formatChange, formatFactor, formatTick, formatValue } from "../../../bench/report/format.ts";
import { reportHtml } from "../../../bench/report/html.ts";
import { reportMarkdown } from "../../../bench/report/markdown.ts";
import { linearScale, logScale } from "../../../bench/report/picture/scale.ts";
import { reportOf } from "../../../bench/report/report.ts";
import { tableMarkdown } from "../../../bench/report/table.ts";
import { describeResult } from "../../../bench/report/text.ts";
import { parseResult } from "../../../bench/result.ts";
import { cellsOf } from "../../../bench/statistics.ts";
import { fullResult, result, rounds, sample } from "../../support/bench-samples.ts";
import { tableRows } from "../../support/markdown.ts";

const MODES = ["host-gw", "vxlan", "udp", "udp-no-offload"];
const full = fullResult(MODES, ["same-host", "wire-like"]);

describe("numbers", () => {
  it("have the figures that count", () => {
    expect([0, 0.0412, 1.234, 12.34, 123.4, 12345.6].map(formatValue)).toEqual([
      "0",
      "0.041",
      "1.23",
      "12.3",
      "123",
      "12,346",
    ]);
    expect([0.5, 5.934, 16.14].map(formatFactor)).toEqual(["0.50×", "5.93×", "16.1×"]);
    expect([0.031, -0.5].map(formatChange)).toEqual(["+3.1%", "−50.0%"]);
    expect([2.5, 10, 10_000].map(formatTick)).toEqual(["2.5", "10", "10,000"]);
  });
});

describe("scales", () => {
  it("from zero hold all values, with few round ticks", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-3, max: 1e7, noNaN: true }), (most) => {
        const { ticks, position } = linearScale(most, 200);
        expect(ticks[0]).toBe(0);
        expect(ticks.length).toBeGreaterThanOrEqual(3);
        expect(ticks.length).toBeLessThanOrEqual(7);
        expect(position(most)).toBeLessThanOrEqual(200.01);
        expect(position(most)).toBeGreaterThan(100);
        expect(position(0)).toBe(0);
      }),
    );
    expect(linearScale(0, 200).position(0)).toBe(0);
  });

  it("of logarithms hold all values, with at least one tick and at most six or powers of ten", () => {
    const value = fc.double({ min: 1, max: 1e7, noNaN: true });
    fc.assert(
      fc.property(value, value, (a, b) => {
        const [least, most] = [Math.min(a, b), Math.max(a, b)];
        const { ticks, position } = logScale(least, most, 200);
        expect(position(least)).toBeGreaterThanOrEqual(-0.01);
        expect(position(most)).toBeLessThanOrEqual(200.01);
        expect(ticks.length).toBeGreaterThanOrEqual(1);
        expect(ticks.length).toBeLessThanOrEqual(9);
      }),
    );
  });
});

describe("proportions", () => {
  const cells = cellsOf([
    ...rounds("udp", [6]),
    ...rounds("vxlan", [10]),
    ...rounds("udp-no-offload", [1.2]),
  ]);

  it("answer what the modes allow", () => {
    expect(ratiosOf(cells).map(({ title, on }) => [title, on.get("wire-like")])).toEqual([
      ["TCP, one stream: udp to udp-no-offload", 5],
      ["TCP, one stream: udp to vxlan", 0.6],
    ]);
    expect(ratiosOf(cellsOf(rounds("host-gw", [1])))).toEqual([]);
  });

  it("name what is behind, by how much, whichever way is better", () => {
    const mixed = cellsOf([
      sample("udp", 6),
      sample("vxlan", 10),
      sample("udp", 200, { measurement: "udp64" }),
      sample("vxlan", 100, { measurement: "udp64" }),
      sample("udp", 80, { measurement: "ping" }),
      sample("vxlan", 20, { measurement: "ping" }),
    ]);
    expect(lossesOf(mixed, "udp", "vxlan").map(({ cell, factor }) => [cell.measurement.id, factor])).toEqual([
      ["ping", 4],
      ["tcp", 10 / 6],
    ]);
  });
});

describe("a report", () => {
  const report = reportOf(full);

  it("has pictures of everything, for each underlay", () => {
    expect(report.sections.map(({ pictures }) => pictures.length)).toEqual([0, 5, 5, 0]);
    for (const { svg } of report.sections.flatMap(({ pictures }) => pictures)) {
      expect(svg).not.toMatch(/NaN|undefined|Infinity/);
      for (const mode of MODES) expect(svg).toContain(`>${mode}<`);
      expectWellFormed(svg);
    }
  });

  it("as HTML is one well-formed file that fetches nothing", () => {
    const html = reportHtml(report);
    expect(html).not.toMatch(/(?:src|href)=|@import|url\(/);
    expectWellFormed(html.slice(html.indexOf("<body>")).replace("</html>\n", ""));
  });

  it("as HTML shows what daemons and machines are called as text", () => {
    const hostile = result(rounds("<script>", [1], { measurement: "rr" }));
    expect(reportHtml(reportOf(hostile))).not.toContain("<script>");
  });

  it("as Markdown has the same tables and refers to the pictures", () => {
    const markdown = reportMarkdown(report, "pictures");
    const tables = report.sections.flatMap((section) => section.tables);
    expect(tableRows(markdown)).toHaveLength(tables.flatMap(({ rows }) => rows).length);
    expect(markdown).toContain("](pictures/throughput-wire-like.svg)");
  });

  it("leaves out what was not measured", () => {
    const { sections } = reportOf(result(rounds("host-gw", [1, 2], { measurement: "udp64", gbps: null })));
    expect(sections.map(({ pictures }) => pictures.map(({ name }) => name))).toEqual([
      ["packets-wire-like"],
      [],
    ]);
  });

  it("lists what failed", () => {
    const failed = {
      outcome: "failed",
      round: 1,
      underlay: "real",
      mode: "udp",
      measurement: "tcp",
      reason: "why",
    } as const;
    expect(reportMarkdown(reportOf(result([failed])), "")).toMatch(/tcp \| +real \| +udp \| +1 \| +why/);
  });

  it("says when the machine was not quiet", () => {
    expect(report.lead).not.toContain("quiet");
    expect(reportOf({ ...full, otherCores: [1.5, 0, 1.2] }).lead).toContain(
      "other programs kept 1.20 cores busy",
    );
  });

  it("in a terminal is figures and proportions", () => {
    const text = describeResult(full);
    expect(text).toContain("wire-like: packets are cut");
    expect(text).toContain("UDP, 64 bytes: udp to vxlan");
  });
});

describe("a table as Markdown", () => {
  it("is aligned, and keeps bars within a cell", () => {
    const table = { title: "", note: "", head: ["", "a|b"], rows: [["name", "1"]] };
    expect(tableMarkdown(table).split("\n")).toEqual([
      "|      | a\\|b |",
      "| ---- | ---: |",
      "| name |    1 |",
    ]);
  });
});

describe("a result on disk", () => {
  it("is read as it was written", () => {
    expect(parseResult(JSON.stringify(full), "x.json")).toEqual(full);
  });

  it.each([
    ["no JSON", "{", /read x\.json: it is not JSON/],
    ["something else", '{"format":"tweed-bench-2"}', /not what tweed bench --json writes/],
    ["an unknown measurement", JSON.stringify(full).replaceAll('"udp64"', '"udp65"'), /not what tweed bench/],
  ])("is refused when it is %s", (_what, text, message) => {
    expect(() => parseResult(text, "x.json")).toThrow(message);
  });
});

describe("the README", () => {
  it("has the figures of the recorded result, as npm run bench:readme puts them", async () => {
    const at = (path: string) => readFile(new URL(`../../../${path}`, import.meta.url), "utf8");
    const recorded = parseResult(await at("bench/results/recorded/result.json"), "recorded");
    const readme = await at("README.md");
    expect(withFigures(readme, recorded)).toBe(readme);
  });

  it("needs the marks", () => {
    expect(() => withFigures("# No marks", full)).toThrow(/lacks/);
  });
});

/** Every element is closed, in the order it was opened; void elements are written as such. */
function expectWellFormed(markup: string): void {
  const open: string[] = [];
  for (const [, end, name = "", , own] of markup.matchAll(/<(\/?)([a-z][a-z0-9]*)((?:\s[^<>]*?)?)(\/?)>/g)) {
    if (end === "/") expect(open.pop()).toBe(name);
    else if (own !== "/") open.push(name);
  }
  expect(open).toEqual([]);
}
