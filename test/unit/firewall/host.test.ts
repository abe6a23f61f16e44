import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { chooseWriter } from "../../../src/agent/firewall/writer-choice.ts";
import {
  findInstallations,
  IPTABLES_PROGRAMS,
  parseVersion,
} from "../../../src/kernel/firewall/iptables/installation.ts";
import type { HostPrograms } from "../../../src/kernel/firewall/programs.ts";
import { findPrograms } from "../../../src/kernel/firewall/programs.ts";
import { iptablesRefusal, nftRefusal } from "../../../src/kernel/firewall/refused-program.ts";
import { NO_RULES } from "../../../src/kernel/firewall/rule-set.ts";
import { installation } from "../../support/fake-firewall.ts";
import { rulesFor } from "../../support/firewall-situation.ts";

describe("versions", () => {
  test.each([
    ["iptables-restore v1.8.9 (nf_tables)", { kind: "nft", isModern: true }],
    ["iptables-restore v1.8.9 (legacy)", { kind: "legacy", isModern: true }],
    ["iptables-restore v1.6.2", { kind: "legacy", isModern: true }],
    ["iptables-restore v1.6.1", { kind: "legacy", isModern: false }],
    ["iptables-restore v1.4.21", { kind: "legacy", isModern: false }],
    ["iptables v2.0 (nf_tables)", { kind: "nft", isModern: true }],
    ["no version at all", { kind: "legacy", isModern: false }],
  ])("%s", (text, expected) => {
    expect(parseVersion(text)).toEqual(expected);
  });
});

describe("installations", () => {
  const find = (programs: readonly string[], text: string) =>
    findInstallations("v4", new Set(programs), async () => text);
  const base = ["iptables-save", "iptables-restore"];
  const legacy = ["iptables-legacy-save", "iptables-legacy-restore"];
  const nft = ["iptables-nft-save", "iptables-nft-restore"];

  test("the host's own choice comes first, each kind once", async () => {
    const found = await find([...legacy, ...base, ...nft], "v1.8.9 (nf_tables)");
    expect(found.map(({ save, kind }) => [save, kind])).toEqual([
      ["iptables-save", "nft"],
      ["iptables-legacy-save", "legacy"],
    ]);
  });

  test("a variant serves where nothing has the plain name", async () => {
    expect(await find(legacy, "")).toEqual([installation("v4", "legacy")]);
  });

  test("one that does not tell its version is none, and then the others have to", async () => {
    const asked: string[] = [];
    const version = async (program: string) => {
      asked.push(program);
      return program.startsWith("iptables-legacy") ? "v1.8.9 (legacy)" : null;
    };
    const found = await findInstallations("v4", new Set([...base, ...nft, ...legacy]), version);
    expect(found.map(({ save }) => save)).toEqual(["iptables-legacy-save"]);
    expect(asked).toEqual(["iptables-restore", "iptables-nft-restore", "iptables-legacy-restore"]);
  });

  test("half an installation is none", async () => {
    expect(await find(["iptables-save", "ip6tables-restore"], "v1.8.9")).toEqual([]);
  });

  test("every program that may be asked for is looked for", () => {
    expect(IPTABLES_PROGRAMS).toHaveLength(12);
    expect(IPTABLES_PROGRAMS).toContain("ip6tables-legacy-restore");
  });
});

test("programs are those of the path that can be executed", async () => {
  const directory = await mkdtemp(join(tmpdir(), "tw-path-"));
  try {
    await writeFile(join(directory, "nft"), "", { mode: 0o755 });
    await writeFile(join(directory, "iptables-save"), "", { mode: 0o644 });
    const path = `:/nonexistent:${directory}`;
    expect(await findPrograms(["nft", "iptables-save", "ip6tables-save"], path)).toEqual(new Set(["nft"]));
  } finally {
    await rm(directory, { recursive: true });
  }
});

describe("who writes", () => {
  const host = (hasNft: boolean, ...installed: readonly ("v4" | "v6")[]): HostPrograms => ({
    hasNft,
    iptables: {
      v4: installed.includes("v4") ? [installation("v4", "nft")] : [],
      v6: installed.includes("v6") ? [installation("v6", "nft")] : [],
    },
  });
  const dual = rulesFor("dual");

  test.each([
    ["iptables where it is", dual, false, host(true, "v4", "v6"), "iptables", "iptables"],
    ["nftables where it is asked for", dual, true, host(true, "v4", "v6"), "nftables", "nftables"],
    ["nftables where there is no iptables", dual, false, host(true), "nftables", "nftables"],
    ["nftables for the family that lacks iptables", dual, false, host(true, "v4"), "iptables", "nftables"],
    [
      "iptables where the family that lacks it is off",
      rulesFor("v4"),
      false,
      host(false, "v4"),
      "iptables",
      null,
    ],
  ] as const)("%s", (_what, rules, enableNftables, programs, v4, v6) => {
    expect(chooseWriter(rules, enableNftables, programs)).toEqual({
      writers: { v4, v6 },
      missing: [],
      notes: [],
    });
  });

  const WHY = "exit code 127: it wrote no output";
  const brokenHost = (
    hasNft: boolean,
    broken: readonly string[],
    ...installed: readonly ("v4" | "v6")[]
  ) => ({
    ...host(hasNft, ...installed),
    broken: new Map(broken.map((program) => [program, WHY])),
  });

  test("a program that does not work is absent, and named", () => {
    expect(chooseWriter(dual, false, brokenHost(true, ["ip6tables-restore"], "v4"))).toEqual({
      writers: { v4: "iptables", v6: "nftables" },
      missing: [],
      notes: [`ip6tables-restore cannot be used: ${WHY}`],
    });
  });

  test("a program that does not work where nothing else can write is why the node is not ready", () => {
    const { writers, missing } = chooseWriter(dual, false, brokenHost(false, ["ip6tables-restore"], "v4"));
    expect(writers).toEqual({ v4: "iptables", v6: null });
    expect(missing).toEqual([
      `no program can write rules: ip6tables-restore cannot be used (${WHY}); repair it, or install iptables or nftables`,
    ]);
  });

  test("an nft that does not work where it is asked for", () => {
    expect(chooseWriter(dual, true, brokenHost(false, ["nft"], "v4", "v6")).missing).toEqual([
      `EnableNFTables is set, but nft cannot be used (${WHY}): install nftables or unset it`,
    ]);
  });

  test.each([
    [
      "nft",
      true,
      host(false, "v4", "v6"),
      { v4: null, v6: null },
      ["EnableNFTables is set, but nft is not in the PATH: install nftables or unset it"],
    ],
    [
      "both",
      false,
      host(false),
      { v4: null, v6: null },
      [
        "iptables-save and iptables-restore are not in the PATH, nor is nft: install iptables or nftables",
        "ip6tables-save and ip6tables-restore are not in the PATH, nor is nft: install iptables or nftables",
      ],
    ],
    [
      "ip6tables alone: IPv4 is served",
      false,
      host(false, "v4"),
      { v4: "iptables", v6: null },
      ["ip6tables-save and ip6tables-restore are not in the PATH, nor is nft: install iptables or nftables"],
    ],
  ] as const)("missing: %s", (_what, enableNftables, programs, writers, missing) => {
    expect(chooseWriter(dual, enableNftables, programs)).toEqual({ writers, missing, notes: [] });
  });

  test("nothing wanted, nothing missing", () => {
    expect(chooseWriter(NO_RULES, false, host(false))).toEqual({
      writers: { v4: null, v6: null },
      missing: [],
      notes: [],
    });
  });

  test("the packet filter alone is no reason not to be ready", () => {
    const rules = rulesFor("v4", { flags: { forgedPackets: "drop" } });
    expect(chooseWriter(rules, false, host(false, "v4"))).toEqual({
      writers: { v4: "iptables", v6: null },
      missing: [],
      notes: ["forged packets are not filtered: nft is not in the PATH; install nftables"],
    });
  });
});

describe("refusals", () => {
  test("nft's own words, without the place in the script", () => {
    const stderr = "/dev/stdin:3:1-4: Error: Could not process rule: Operation not supported\nadd\n^^^\n";
    expect(nftRefusal({ stderr, stdout: "", exitCode: 1 })).toMatchObject({
      message: "write tables of nftables: Could not process rule: Operation not supported",
      retryable: true,
    });
  });
  test("a silent nft", () => {
    expect(nftRefusal({ stderr: "", stdout: "", exitCode: 3 }).message).toMatch(/exit code 3/);
  });
  test("the lock of iptables", () => {
    const stderr = "Another app is currently holding the xtables lock; still 1s left\n";
    expect(iptablesRefusal("iptables-restore", { stderr, stdout: "", exitCode: 4 }).code).toBe(
      "iptables-locked",
    );
  });
  test("anything else of iptables", () => {
    const stderr = "iptables-restore: line 2 failed\n";
    const error = iptablesRefusal("iptables-restore", { stderr, stdout: "", exitCode: 1 });
    expect(error).toMatchObject({
      code: "iptables-refused",
      message: "run iptables-restore: iptables-restore: line 2 failed",
    });
  });
});
