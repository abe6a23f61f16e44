import { describe, expect, it } from "vitest";
import { sourceFiles } from "../../support/source-tree.ts";

/** Where options of a store become that store, which knows by its properties how it differs from others. */
const FACTORIES = ["src/cli/open-store.ts", "src/config/store-options.ts"];
const ASKS_FOR_THE_KIND = /\b(?:store|opened|lease[Ss]tore)\.kind\b|\{ kind \}: StoreOptions/;

describe("a lease store", () => {
  it("is never asked which one it is", async () => {
    const asking = (await sourceFiles()).filter(({ text }) => ASKS_FOR_THE_KIND.test(text));
    expect(asking.map(({ path }) => path).filter((path) => !FACTORIES.includes(path))).toEqual([]);
  });
});
