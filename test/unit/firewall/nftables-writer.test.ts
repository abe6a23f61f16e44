import { beforeEach, describe, expect, test } from "vitest";
import type { NftTable } from "../../../src/kernel/firewall/nftables/table.ts";
import { NftablesWriter, type WantedTable } from "../../../src/kernel/firewall/nftables/writer.ts";
import { TweedError } from "../../../src/runtime/error.ts";

const signal = new AbortController().signal;
const id = { family: "inet", name: "t" } as const;

const PEERS = ["set peers {", "}"];

function wanted(
  chains: string[],
  peers: readonly string[] = [],
  sets = PEERS,
): WantedTable & { table: NftTable } {
  const elements = new Map([["peers", new Set(peers)]]);
  const others = { sets: ["set other {", "type t", "}"], chains: ["spare"] };
  return { id, table: { ...id, sets, chains, others, elements, format: (element) => element } };
}

let scripts: string[];
let generation: number;
/** Somebody else commits while our script runs. */
let isCrowded: boolean;
let isBroken: boolean;
/** How many scripts nft refuses from now on. */
let refusals: number;
let writer: NftablesWriter;

beforeEach(() => {
  scripts = [];
  generation = 41;
  isCrowded = false;
  isBroken = false;
  refusals = 0;
  writer = new NftablesWriter({
    run: async (script) => {
      if (isBroken) throw new Error("refused");
      if (refusals-- > 0) throw new TweedError({ code: "nft-refused", operation: "t", reason: "t" });
      scripts.push(script);
      generation += isCrowded ? 2 : 1;
    },
    generation: async () => generation,
  });
});

const commit = (tables: readonly string[], number = ++generation) =>
  writer.receive({ generation: number, tables: new Set(tables) });

test("at first the table that another process left is filled before rules look into it", async () => {
  expect(await writer.reconcile([wanted(["chain c {", "}"], ["1.1.1.1", "2.2.2.2"])], signal)).toBe(1);
  expect(scripts).toEqual([
    "table inet t {\nset peers {\n}\n}\n" +
      "flush set inet t peers\nadd element inet t peers {\n1.1.1.1,\n2.2.2.2\n}\n",
    "table inet t {\nset other {\ntype t\n}\nchain spare { }\n}\nflush table inet t\n" +
      "delete chain inet t spare\ndelete set inet t other\ntable inet t {\nchain c {\n}\n}\n",
  ]);
});

test("one of another make is replaced whole, in one transaction", async () => {
  refusals = 1;
  expect(await writer.reconcile([wanted(["chain c {", "}"], ["1.1.1.1", "2.2.2.2"])], signal)).toBe(1);
  expect(scripts).toEqual([
    "add table inet t\ndelete table inet t\ntable inet t {\nset peers {\n}\nchain c {\n}\n}\n" +
      "add element inet t peers {\n1.1.1.1,\n2.2.2.2\n}\n",
  ]);
});

test("a table that is not wanted is removed, whether it is there or not", async () => {
  await writer.reconcile([{ id, table: null }], signal);
  await writer.reconcile([{ id, table: null }], signal);
  expect(scripts).toEqual(["add table inet t\ndelete table inet t\n"]);
});

describe("a table that stands", () => {
  beforeEach(async () => {
    await writer.reconcile([wanted(["a"], ["1", "2"])], signal);
    scripts.length = 0;
  });

  test("is left alone", async () => {
    expect(await writer.reconcile([wanted(["a"], ["2", "1"])], signal)).toBe(0);
    expect(scripts).toEqual([]);
  });

  test("another peer is one element", async () => {
    await writer.reconcile([wanted(["a"], ["1", "2", "3"])], signal);
    expect(scripts).toEqual(["add element inet t peers {\n3\n}\n"]);
  });

  test("what goes goes before what comes: intervals may overlap", async () => {
    await writer.reconcile([wanted(["a"], ["1", "4", "5"])], signal);
    expect(scripts).toEqual(["delete element inet t peers {\n2\n}\nadd element inet t peers {\n4,\n5\n}\n"]);
  });

  test("other rules turn to sets that were filled before, and what is left over goes with the old ones", async () => {
    await writer.reconcile([wanted(["chain old {", "}"], ["1", "2"], [...PEERS, "set gone {", "}"])], signal);
    scripts.length = 0;
    const sets = [...PEERS, "set new {", "}"];
    await writer.reconcile([wanted(["chain next {", "look @peers", "}"], ["2", "3"], sets)], signal);
    expect(scripts).toEqual([
      "table inet t {\nset peers {\n}\nset new {\n}\n}\nadd element inet t peers {\n3\n}\n",
      "flush table inet t\ndelete chain inet t old\ndelete set inet t gone\n" +
        "table inet t {\nchain next {\nlook @peers\n}\n}\ndelete element inet t peers {\n1\n}\n",
    ]);
    scripts.length = 0;
    commit(["inet t"], generation);
    commit(["inet t"], generation - 1);
    expect(
      await writer.reconcile([wanted(["chain next {", "look @peers", "}"], ["2", "3"], sets)], signal),
    ).toBe(0);
  });

  test("is replaced whole when the way to other rules broke off in the middle", async () => {
    isBroken = true;
    await expect(writer.reconcile([wanted(["b"], ["1", "2"])], signal)).rejects.toThrow("refused");
    isBroken = false;
    await writer.reconcile([wanted(["b"], ["1", "2"])], signal);
    expect(scripts.at(-1)).toContain("delete table inet t\ntable inet t {\nset peers {\n}\nb\n}");
  });

  test("is replaced when somebody else touched it", async () => {
    commit(["inet t"]);
    await writer.reconcile([wanted(["a"], ["1", "2"])], signal);
    expect(scripts[0]).toContain("delete table inet t");
  });

  test("is left alone when somebody else touched others, or we did", async () => {
    commit(["inet t"], 42);
    commit(["ip nat", "ip kube-proxy"]);
    await writer.reconcile([wanted(["a"], ["1", "2"])], signal);
    expect(scripts).toEqual([]);
  });

  test("is replaced when news was lost and somebody committed since", async () => {
    generation += 1;
    writer.invalidate();
    await writer.reconcile([wanted(["a"], ["1", "2"])], signal);
    expect(scripts[0]).toContain("delete table inet t");
  });

  test("is left alone when the news that was lost can only have been ours", async () => {
    writer.invalidate();
    await writer.reconcile([wanted(["a"], ["1", "2"])], signal);
    expect(scripts).toEqual([]);
  });
});

test("with somebody else's transaction in between, ours is taken for foreign, once", async () => {
  isCrowded = true;
  await writer.reconcile([wanted(["a"])], signal);
  isCrowded = false;
  isBroken = false;
  commit([], 42);
  for (const number of [43, 45]) commit(["inet t"], number);
  expect(await writer.reconcile([wanted(["a"])], signal)).toBe(1);
  commit(["inet t"], 46);
  expect(await writer.reconcile([wanted(["a"])], signal)).toBe(0);
});

test("the kernel's counter leaves 0 out", async () => {
  generation = 0xffff_ffff;
  const wrapping = new NftablesWriter({
    run: async () => {
      generation = 1;
    },
    generation: async () => generation,
  });
  await wrapping.reconcile([wanted(["a"])], signal);
  wrapping.receive({ generation: 1, tables: new Set(["inet t"]) });
  expect(await wrapping.reconcile([wanted(["a"])], signal)).toBe(0);
});

test("after a failure the table is written whole", async () => {
  await writer.reconcile([wanted(["a"], ["1"])], signal);
  let isBroken = true;
  const fragile = new NftablesWriter({
    run: async (script) => {
      if (isBroken) throw new Error("refused");
      if (isBroken) throw new Error("refused");
      scripts.push(script);
    },
    generation: async () => generation,
  });
  await expect(fragile.reconcile([wanted(["a"], ["1"])], signal)).rejects.toThrow("refused");
  isBroken = false;
  await fragile.reconcile([wanted(["a"], ["1"])], signal);
  expect(scripts.slice(-2).join()).toMatch(/^table inet t \{\nset peers[\s\S]*flush table inet t\n/);
});
