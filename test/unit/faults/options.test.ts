import { describe, expect, test } from "vitest";
import { readOptions } from "../../faults/options.ts";

test("every backend on etcd, ten times, by default", () => {
  expect(readOptions([])).toMatchObject({
    only: "",
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

describe("refuses", () => {
  test.each([
    [["--times", "0"], /--times is 0/],
    [["--nodes", "1.5"], /--nodes is 1.5/],
    [["--store", "redis"], /--store is redis/],
    [["--turns", "3"], /--turns/],
  ])("%j", (args, reason) => {
    expect(() => readOptions(args)).toThrow(reason);
  });
});
