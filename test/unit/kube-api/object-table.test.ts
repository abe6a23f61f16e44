import { expect, test } from "vitest";
import { ObjectTable } from "../../support/kube-api/object-table.ts";

/** A patch that names no uid is refused for an object that has none: uids are immutable. */
test("every stored object has a uid, and retains it", () => {
  const table = new ObjectTable();
  const stored = () => table.get("a")?.metadata.uid;
  table.put({ metadata: { name: "a" } });
  const first = stored();
  table.put({ metadata: { name: "a", labels: {} } });
  expect([typeof first, stored()]).toEqual(["string", first]);
  table.put({ metadata: { name: "a", uid: "given" } });
  expect(stored()).toBe("given");
});
