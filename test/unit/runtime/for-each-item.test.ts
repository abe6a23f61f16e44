import { describe, expect, test } from "vitest";
import { forEachItem } from "../../../src/runtime/for-each-item.ts";

describe("forEachItem", () => {
  const closings: string[] = [];
  async function* items(last: () => void) {
    try {
      yield 1;
      yield 2;
      last();
    } finally {
      closings.push("closed");
    }
  }

  test("acts on each item, and ends with the last", async () => {
    const seen: number[] = [];
    await forEachItem(
      items(() => {}),
      (item) => seen.push(item),
    );
    expect(seen).toEqual([1, 2]);
  });

  test("fails as the items do", async () => {
    const fail = () => {
      throw new Error("no more");
    };
    await expect(forEachItem(items(fail), () => {})).rejects.toThrow("no more");
  });

  test("closes the items when it cannot act on one", async () => {
    closings.length = 0;
    const act = () => {
      throw new Error("too much");
    };
    await expect(
      forEachItem(
        items(() => {}),
        act,
      ),
    ).rejects.toThrow("too much");
    expect(closings).toEqual(["closed"]);
  });
});
