import { describe, expect, test } from "vitest";
import { FAULTS } from "../../faults/catalogue.ts";
import { readOptions } from "../../faults/options.ts";

test("every backend on etcd, ten times, by default", () => {
  expect(readOptions([])).toMatchObject({
    times: 10,
    nodes: 6,
    json: null,
    settings: [
      { store: "etcd", backend: "vxlan" },
      { store: "etcd", backend: "host-gw" },
      { store: "etcd", backend: "udp" },
    ],
  });
});

test("each of the chosen backends on each of the chosen stores", () => {
  const { settings } = readOptions(["--store", "file,kubernetes", "--backend", "vxlan,udp"]);
  expect(settings).toEqual([
    { store: "file", backend: "vxlan" },
    { store: "file", backend: "udp" },
    { store: "kubernetes", backend: "vxlan" },
    { store: "kubernetes", backend: "udp" },
  ]);
});

test("a fault is chosen by a regular expression, so that a title that begins another one can be chosen alone", () => {
  const chosen = (...args: readonly string[]) =>
    FAULTS.filter(({ title }) => readOptions(args).only.test(title)).map(({ title }) => title);
  expect(chosen()).toEqual(FAULTS.map(({ title }) => title));
  expect(chosen("--only", "^daemon killed$")).toEqual(["daemon killed"]);
  expect(chosen("--only", "^daemon killed")).toEqual([
    "daemon killed",
    "daemon killed, and again during its start",
  ]);
});

describe("refuses", () => {
  test.each([
    [["--times", "0"], /--times is 0/],
    [["--nodes", "1.5"], /--nodes is 1.5/],
    [["--store", "redis"], /--store is redis/],
    [["--only", "("], /regular expression/],
    [["--turns", "3"], /--turns/],
  ])("%j", (args, reason) => {
    expect(() => readOptions(args)).toThrow(reason);
  });
});
