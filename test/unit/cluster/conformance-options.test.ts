import { describe, expect, it } from "vitest";
import { nameOfKind, parseConformanceOptions } from "../../cluster/conformance/options.ts";

describe("options of test:conformance", () => {
  it("is the conformance specs of the network on vxlan, five at a time, at rest, without any", () => {
    const { kinds, ...others } = parseConformanceOptions([]);
    expect({ kinds: kinds.map(nameOfKind), ...others }).toEqual({
      kinds: ["1.34 vxlan v4 iptables"],
      nodes: 2,
      procs: 5,
      focus: "\\[sig-network\\].*\\[Conformance\\]",
      chaosSeed: null,
      directory: null,
    });
  });

  it("is each backend with each choice of families and each mode of kube-proxy", () => {
    const flags = ["--backend=host-gw,udp", "--families=v4,dual", "--proxy=nftables"];
    expect(parseConformanceOptions(flags).kinds.map(nameOfKind)).toEqual([
      "1.34 host-gw v4 nftables",
      "1.34 host-gw dual nftables",
      "1.34 udp v4 nftables",
      "1.34 udp dual nftables",
    ]);
  });

  it("has a seed for chaos only", () => {
    expect(parseConformanceOptions(["--chaos"]).chaosSeed).toBe(1);
    expect(parseConformanceOptions(["--chaos", "--seed=7"]).chaosSeed).toBe(7);
    expect(parseConformanceOptions(["--seed=7"]).chaosSeed).toBeNull();
  });

  it.each([
    [["--backend=ipip"], '--backend has "ipip", expected some of vxlan,host-gw,udp'],
    [["--nodes=1"], '--nodes is "1", expected a whole number from 2 on'],
    [["--procs=0"], '--procs is "0", expected a whole number from 1 on'],
    [["--seed=x"], '--seed is "x", expected a whole number from 0 on'],
    [["--backends=udp"], "Unknown option '--backends'"],
  ])("refuses %s", (args, reason) => {
    expect(() => parseConformanceOptions(args)).toThrow(reason);
  });
});
