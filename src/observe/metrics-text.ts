/**
 * The text format that Prometheus scrapes (version 0.0.4). Written here and not by `prom-client`, which costs every
 * start of the daemon 10 to 20 ms and 4 MB: counters exist elsewhere, and only have to be formatted.
 */
import type { Page } from "./health-server.ts";

export interface MetricFamily {
  /** With the unit; a counter's name ends in `_total`. */
  readonly name: string;
  readonly type: "counter" | "gauge";
  readonly help: string;
  readonly samples: readonly Sample[];
}

export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

export function metricsTextPage(families: readonly MetricFamily[]): Page {
  const body = families.map(formatFamily).join("");
  return { status: 200, contentType: "text/plain; version=0.0.4; charset=utf-8", body };
}

export function formatFamily({ name, type, help, samples }: MetricFamily): string {
  const lines = samples.map(({ labels = {}, value }) => `${name}${formatLabels(labels)} ${value}\n`);
  return `# HELP ${name} ${help.replace(/[\\\n]/g, escaped)}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function formatLabels(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replace(/["\\\n]/g, escaped)}"`,
  );
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(character: string): string {
  return character === "\n" ? "\\n" : `\\${character}`;
}
