import { describe, expect, it } from "vitest";
import { MEASUREMENTS, parseTests } from "../../../bench/measurement.ts";
import {
  checkDistinct,
  DEFAULT_MODES,
  describeMode,
  parseExternal,
  parseModes,
} from "../../../bench/modes.ts";
import { blocksOf, durationOf, estimateS } from "../../../bench/plan.ts";
import { describeBlock, formatSpan } from "../../../bench/progress.ts";
import { describeUnderlay, parseUnderlays } from "../../../bench/underlay.ts";
import { sample } from "../../support/bench-samples.ts";

describe("--modes", () => {
  it("names labs by backend and flags", () => {
    expect(parseModes("vxlan-direct,udp-no-offload", ["--v=1"])).toEqual([
      {
        name: "vxlan-direct",
        backend: { Type: "vxlan", DirectRouting: true },
        flags: ["--v=1"],
        otherDaemon: null,
      },
      {
        name: "udp-no-offload",
        backend: { Type: "udp" },
        flags: ["--udp-offload=off", "--v=1"],
        otherDaemon: null,
      },
    ]);
  });

  it("compares on request what the filter of forged packets costs", () => {
    expect(parseModes("vxlan-unfiltered", [])[0]?.flags).toEqual(["--forged-packet-filter=off"]);
    expect(DEFAULT_MODES).not.toContain("vxlan-unfiltered");
  });

  it.each(["", "geneve", "udp,", "toString"])("refuses %j, and says what there is", (text) => {
    expect(() => parseModes(text, [])).toThrow(/--modes: .* expected modes of host-gw,vxlan/);
  });
});

describe("--external", () => {
  it("is a name, a backend and a command without a shell", () => {
    expect(parseExternal("flannel:udp=/opt/bin/flanneld -v  2")).toEqual({
      name: "flannel",
      backend: { Type: "udp" },
      flags: [],
      otherDaemon: ["/opt/bin/flanneld", "-v", "2"],
    });
    expect(parseExternal("other=daemon --a=b").backend).toEqual({ Type: "vxlan" });
    expect(parseExternal("other=daemon --a=b").otherDaemon).toEqual(["daemon", "--a=b"]);
  });

  it.each(["flanneld", "=x", "a=", "A=b", "udp=flanneld", "a:=b"])("refuses %j", (text) => {
    expect(() => parseExternal(text)).toThrow(/--external/);
  });

  it("must not bear a name twice", () => {
    const twice = [parseExternal("a=x"), parseExternal("a=y")];
    expect(() => checkDistinct(twice)).toThrow(/"a"/);
    expect(() => checkDistinct(parseModes("udp,vxlan", []))).not.toThrow();
  });

  it("is described by its command", () => {
    expect(describeMode(parseExternal("a:udp=x -v"))).toBe('x -v Backend {"Type":"udp"}');
  });
});

describe("--tests and --underlay", () => {
  it("stand for measurements", () => {
    expect(parseTests("ping,tcp-parallel").map(({ id }) => id)).toEqual(["tcp-4", "tcp-16", "ping"]);
    expect(parseTests("tcp,tcp")).toHaveLength(1);
    expect(() => parseTests("tcp,quic")).toThrow(/"quic".* expected tests of tcp,/);
  });

  it("stand for cables", () => {
    expect(parseUnderlays("both")).toEqual(["same-host", "wire-like"]);
    expect(parseUnderlays("wire-like")).toEqual(["wire-like"]);
    expect(() => parseUnderlays("real")).toThrow(/expected same-host, wire-like or both/);
    expect(describeUnderlay("wire-like")).toBe("tso off, gso off, tx-udp-segmentation off, gro on");
  });
});

describe("the order of a run", () => {
  const plan = {
    underlays: ["same-host", "wire-like"] as const,
    measurements: parseTests("tcp,ping"),
    rounds: 3,
    durationS: 2,
  };

  it("does everything once before anything twice", () => {
    const blocks = blocksOf(plan).map(
      ({ round, underlay, measurement }) => `${round} ${underlay} ${measurement.id}`,
    );
    expect(blocks).toHaveLength(12);
    expect(blocks.slice(0, 4)).toEqual([
      "1 same-host tcp",
      "1 same-host ping",
      "1 wire-like tcp",
      "1 wire-like ping",
    ]);
    expect(new Set(blocks)).toHaveLength(12);
    expect(blocks.map((block) => block[0])).toEqual(blocks.map((block) => block[0]).toSorted());
  });

  it("gives what settles soon less time", () => {
    const durations = Object.fromEntries(MEASUREMENTS.map((each) => [each.id, durationOf(each, plan)]));
    expect(durations).toMatchObject({ tcp: 2, udp64: 2, rr: 0.8, ping: 0.8 });
  });

  it("of the default set takes less than six minutes", () => {
    const measurements = parseTests("tcp,tcp-reverse,tcp-parallel,udp64,udp1400,rr,crr,ping");
    const usual = { ...plan, measurements, rounds: 4, durationS: 1 };
    expect(estimateS(blocksOf(usual), usual, 5)).toBeLessThan(340);
  });

  it("is told block by block", () => {
    const [block] = blocksOf(plan);
    if (block === undefined) throw new Error("there is a block");
    const failed = { ...sample("udp", 0), outcome: "failed", reason: "x" } as const;
    expect(describeBlock(block, 3, [sample("vxlan", 10.25), failed], 200)).toMatch(
      /^1\/3 {2}same-host {2}TCP, one stream +vxlan 10\.3 {2}udp failed {2}Gbit\/s, 3:20 left$/,
    );
    expect(formatSpan(59.6)).toBe("1:00");
  });
});
