import { expect, test } from "vitest";
import { LeaseTable } from "../../../src/lease/lease-table.ts";
import { content, lease } from "../../support/lease-fixtures.ts";
import { RecordingLog } from "../../support/recording-log.ts";

const GOOD = lease("10.5.1.0-24", 1, content("192.0.2.1"));
const fail = (reason: string) => () => {
  throw new Error(reason);
};

function tableWith(log = new RecordingLog()) {
  return { table: new LeaseTable(log), log };
}

test("holds what is readable, and names the rest", () => {
  const { table } = tableWith();
  table.put("a", () => GOOD);
  table.put("b", fail("no JSON"));
  expect(table.snapshot()).toEqual({ leases: [GOOD], junk: [{ key: "b", reason: "no JSON" }] });
});

test("an entry moves between the two as it changes, and goes when it is deleted", () => {
  const { table } = tableWith();
  table.put("a", () => GOOD);
  table.put("a", fail("no JSON"));
  expect(table.snapshot()).toEqual({ leases: [], junk: [{ key: "a", reason: "no JSON" }] });
  table.put("a", () => GOOD);
  expect(table.snapshot()).toEqual({ leases: [GOOD], junk: [] });
  table.delete("a");
  expect(table.snapshot()).toEqual({ leases: [], junk: [] });
});

test("a lease that changes keeps its place", () => {
  const { table } = tableWith();
  const changed = { ...GOOD, claimedAt: 2n };
  for (const key of ["a", "b"]) table.put(key, () => GOOD);
  table.put("a", () => changed);
  expect(table.snapshot().leases).toEqual([changed, GOOD]);
});

test("forgets what a new listing does not have", () => {
  const { table } = tableWith();
  table.put("a", () => GOOD);
  table.put("b", fail("no JSON"));
  table.put("c", () => GOOD);
  table.retain(new Set(["c"]));
  expect(table.snapshot()).toEqual({ leases: [GOOD], junk: [] });
});

test("a snapshot does not change any more", () => {
  const { table } = tableWith();
  table.put("a", () => GOOD);
  const snapshot = table.snapshot();
  table.delete("a");
  expect(snapshot.leases).toEqual([GOOD]);
});

test("warns once about each, again when it is junk for another reason or once more", () => {
  const { table, log } = tableWith();
  for (const reason of ["one", "one", "two"]) table.put("a", fail(reason));
  expect(log.warnings().map(({ fields }) => fields.reason)).toEqual(["one", "two"]);
  table.put("a", () => GOOD);
  table.put("a", fail("two"));
  expect(log.warnings()).toHaveLength(3);
});

test("a store full of junk does not fill the log", () => {
  const { table, log } = tableWith();
  for (let index = 0; index < 10_000; index++) table.put(`${index}${"x".repeat(500)}`, fail("no lease"));
  expect(log.warnings()).toHaveLength(101);
  expect(log.lines.slice(99)).toEqual([
    {
      level: "warn",
      message: "unreadable lease ignored",
      fields: {
        op: "read-lease",
        code: "invalid-lease",
        key: `99${"x".repeat(198)}`,
        reason: "no lease",
      },
    },
    {
      level: "warn",
      message: "further unreadable leases not logged",
      fields: { op: "read-lease", code: "invalid-lease" },
    },
  ]);
  expect(table.snapshot().junk).toHaveLength(10_000);
});
