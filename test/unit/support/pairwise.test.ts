import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Dimensions, everyRow, pairwise } from "../../support/pairwise.ts";

const MATRIX = { backend: ["vxlan", "host-gw", "udp"], store: ["file", "etcd"], families: ["v4", "dual"] };

/** "backend=udp store=etcd": each two values of two dimensions that stand together in a row. */
function pairsIn(rows: readonly Readonly<Record<string, unknown>>[]): ReadonlySet<string> {
  return new Set(
    rows.flatMap((row) => {
      const words = Object.entries(row).map(([name, value]) => `${name}=${value}`);
      return words.flatMap((word, index) => words.slice(index + 1).map((later) => `${word} ${later}`));
    }),
  );
}

const dimensions: fc.Arbitrary<Dimensions> = fc
  .array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 })
  .map((lengths) =>
    Object.fromEntries(
      lengths.map((length, index) => [`d${index}`, Array.from({ length }, (_, value) => value)]),
    ),
  );

describe("a whole matrix", () => {
  it("has every row once, the last dimension counting fastest", () => {
    const rows = everyRow(MATRIX);
    expect(rows).toHaveLength(12);
    expect(new Set(rows.map((row) => JSON.stringify(row))).size).toBe(12);
    expect(rows.slice(0, 3)).toEqual([
      { backend: "vxlan", store: "file", families: "v4" },
      { backend: "vxlan", store: "file", families: "dual" },
      { backend: "vxlan", store: "etcd", families: "v4" },
    ]);
  });
});

describe("a pairwise sample", () => {
  it("has every two values of two dimensions, and no row twice", () => {
    fc.assert(
      fc.property(dimensions, fc.nat(), (matrix, seed) => {
        const [all, sample] = [everyRow(matrix), pairwise(matrix, seed)];
        expect(pairsIn(sample)).toEqual(pairsIn(all));
        const texts = all.map((row) => JSON.stringify(row));
        // Rows of the matrix, in its order.
        expect(texts.filter((text) => sample.some((row) => JSON.stringify(row) === text))).toEqual(
          sample.map((row) => JSON.stringify(row)),
        );
      }),
      { numRuns: 20 },
    );
  });

  it("has every value of a single dimension", () => {
    expect(pairwise({ store: ["file", "etcd"] })).toEqual([{ store: "file" }, { store: "etcd" }]);
  });

  it("is as short as the two longest dimensions allow, where these are three of three", () => {
    const three = [1, 2, 3];
    expect(pairwise({ a: three, b: three, c: three })).toHaveLength(9);
    expect(pairwise(MATRIX)).toHaveLength(6);
  });

  it("is the same for the same seed", () => {
    expect(pairwise(MATRIX, 7)).toEqual(pairwise(MATRIX, 7));
    const texts = new Set([1, 2, 3, 4, 5].map((seed) => JSON.stringify(pairwise(MATRIX, seed))));
    expect(texts.size).toBeGreaterThan(1);
  });
});
