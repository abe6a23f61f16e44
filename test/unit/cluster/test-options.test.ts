import { describe, expect, it } from "vitest";
import { nameOfKind, parseTestOptions } from "../../cluster/test-options.ts";

describe("options of test:cluster", () => {
  it("is one cluster of three nodes without any", () => {
    const { kinds, nodes, isShort } = parseTestOptions([]);
    expect({ kinds: kinds.map(nameOfKind), nodes, isShort }).toEqual({
      kinds: ["1.34 v4 iptables"],
      nodes: 3,
      isShort: false,
    });
  });

  it("is each version with each choice of families and each mode of kube-proxy", () => {
    const { kinds } = parseTestOptions(["--version=1.34,1.37", "--families=v4,dual", "--proxy=nftables"]);
    expect(kinds.map(nameOfKind)).toEqual([
      "1.34 v4 nftables",
      "1.34 dual nftables",
      "1.37 v4 nftables",
      "1.37 dual nftables",
    ]);
  });

  it.each([
    [["--version=1.33"], '--version has "1.33", expected some of 1.34,1.37'],
    [["--nodes=1"], '--nodes is "1", expected a whole number from 2 on'],
    [["--proxies=ipvs"], "Unknown option '--proxies'"],
    [["--help"], "the flags are --version, --families, --proxy, --nodes, --short, --only, --directory"],
  ])("refuses %s", (args, reason) => {
    expect(() => parseTestOptions(args)).toThrow(reason);
  });
});
