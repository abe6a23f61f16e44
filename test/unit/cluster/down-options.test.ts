import { expect, test } from "vitest";
import { chooseClusters, parseDown } from "../../cluster/down-options.ts";

const running = [{ name: "tw-cluster-a" }, { name: "tw-cluster-b" }];
const [first] = running;

test("the only cluster is ended without a name", () => {
  expect(chooseClusters(running.slice(0, 1), [])).toEqual([first]);
  expect(chooseClusters([], [])).toEqual([]);
});

test("of several clusters none is ended without a name", () => {
  expect(() => chooseClusters(running, [])).toThrow(
    "read the options of cluster:down: several clusters run, name one or give --all: tw-cluster-a tw-cluster-b",
  );
  expect(chooseClusters(running, ["tw-cluster-a"])).toEqual([first]);
});

test("a name that no cluster has is refused", () => {
  expect(() => chooseClusters([], ["x"])).toThrow('no cluster "x" runs; running: none');
});

test("reads names or --all, and refuses other flags", () => {
  expect(parseDown(["--all"])).toEqual({ all: true, names: [] });
  expect(parseDown(["a", "b"])).toEqual({ all: false, names: ["a", "b"] });
  expect(() => parseDown(["--all", "a"])).toThrow("either names or --all");
  expect(() => parseDown(["--help"])).toThrow("Unknown option '--help'");
});
