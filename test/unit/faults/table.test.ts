import { expect, test } from "vitest";
import type { Occurrence } from "../../faults/occurrence.ts";
import { faultTable } from "../../faults/table.ts";

const OCCURRENCE: Occurrence = {
  fault: "daemon killed",
  backend: "vxlan",
  store: "etcd",
  victim: "node3",
  sent: 6000,
  lost: 0,
  lostElsewhere: 0,
  gapMs: 0,
  repairMs: 700,
  broken: [],
  silenceMs: 60,
  latenessMs: 12,
  violations: [],
};

test("a row for each fault, backend and store, with its median and its worst", () => {
  const table = faultTable([
    OCCURRENCE,
    { ...OCCURRENCE, lost: 4, gapMs: 30, repairMs: 900.4, violations: ["4 pings lost, promised is 0"] },
    { ...OCCURRENCE, repairMs: 800 },
    { ...OCCURRENCE, backend: "udp", repairMs: null, broken: ["pod1 > pod2: closed"], violations: ["never"] },
  ]);
  expect(cells(table)).toEqual([
    ["daemon killed", "vxlan", "etcd", "3", "0", "4", "30 ms", "800 ms", "900 ms", "0", "NO"],
    ["daemon killed", "udp", "etcd", "1", "0", "0", "0 ms", "never", "never", "1", "NO"],
  ]);
});

test("says that all was held", () => {
  expect(cells(faultTable([OCCURRENCE]))[0]?.at(-1)).toBe("yes");
});

function cells(table: string): string[][] {
  const [, , ...rows] = table.split("\n");
  return rows.map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}
