import { describe, expect, it } from "vitest";
import { formatFamily, metricsTextPage } from "../../../src/observe/metrics-text.ts";

describe("formatFamily", () => {
  it("spells a family as Prometheus reads it", () => {
    const samples = [{ labels: { backend: "vxlan 1", zone: "a" }, value: 3 }, { value: 0.5 }];
    expect(formatFamily({ name: "tweed_peers", type: "gauge", help: "Peers.", samples })).toBe(
      '# HELP tweed_peers Peers.\n# TYPE tweed_peers gauge\ntweed_peers{backend="vxlan 1",zone="a"} 3\ntweed_peers 0.5\n',
    );
  });

  it("escapes what would end a value or a line", () => {
    const samples = [{ labels: { reason: 'a "b"\\\nc' }, value: 1 }];
    expect(formatFamily({ name: "x_total", type: "counter", help: "a\\b\nc", samples })).toBe(
      '# HELP x_total a\\\\b\\nc\n# TYPE x_total counter\nx_total{reason="a \\"b\\"\\\\\\nc"} 1\n',
    );
  });

  it("keeps the head of a family without samples", () => {
    expect(formatFamily({ name: "x", type: "gauge", help: "h", samples: [] })).toBe(
      "# HELP x h\n# TYPE x gauge\n",
    );
  });
});

describe("metricsTextPage", () => {
  it("names the version of the format", () => {
    expect(metricsTextPage([])).toEqual({
      status: 200,
      contentType: "text/plain; version=0.0.4; charset=utf-8",
      body: "",
    });
  });
});
