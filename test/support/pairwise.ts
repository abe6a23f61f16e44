/**
 * Rows of a test matrix: all of them, or a sample in which every two values of two dimensions are together in some row.
 * Faults of combinations nearly always need only two values, and a sample has about as few rows as the two longest
 * dimensions allow. Pure.
 */
import { seededRandom, shuffled } from "./seeded-random.ts";

export type Dimensions = Readonly<Record<string, readonly unknown[]>>;

/** One value of each dimension. */
export type Row<D extends Dimensions> = { readonly [Name in keyof D]: D[Name][number] };

const SEED = 1;
/** The shortest of this many greedy samples is used: for 3×3×3 it has 9 rows, where a single sample may have 11. */
const ATTEMPTS = 50;

/** The whole matrix; the last dimension varies fastest. */
export function everyRow<D extends Dimensions>(dimensions: D): Row<D>[] {
  return everyPlace(dimensions).map((place) => rowAt(dimensions, place));
}

/** The sample, in the order of {@link everyRow}; the same one for the same seed. */
export function pairwise<D extends Dimensions>(dimensions: D, seed = SEED): Row<D>[] {
  const random = seededRandom(seed);
  const all = everyPlace(dimensions);
  let best: readonly Place[] = all;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const sample = greedySample(shuffled(all, random));
    if (sample.length < best.length) best = sample;
  }
  const chosen = new Set(best);
  return all.filter((place) => chosen.has(place)).map((place) => rowAt(dimensions, place));
}

/** For each dimension the index of a value, so that values need not be comparable. */
type Place = readonly number[];

function everyPlace(dimensions: Dimensions): Place[] {
  return Object.values(dimensions).reduce<Place[]>(
    (places, values) => places.flatMap((place) => values.map((_, index) => [...place, index])),
    [[]],
  );
}

/** Repeatedly takes the first place that adds most pairs, until no pair is missing. */
function greedySample(candidates: readonly Place[]): Place[] {
  const pairs = new Map(candidates.map((place) => [place, pairsOf(place)]));
  const missing = new Set([...pairs.values()].flat());
  const sample: Place[] = [];
  while (missing.size > 0) {
    const gains = candidates.map((place) => ({
      place,
      gain: (pairs.get(place) ?? []).filter((pair) => missing.has(pair)).length,
    }));
    const { place } = gains.reduce((most, next) => (next.gain > most.gain ? next : most));
    for (const pair of pairs.get(place) ?? []) missing.delete(pair);
    sample.push(place);
  }
  return sample;
}

/** A single dimension has no pairs: each value then counts by itself. */
function pairsOf(place: Place): string[] {
  if (place.length === 1) return [String(place[0])];
  return place.flatMap((a, first) =>
    place.slice(first + 1).map((b, later) => `${first}:${a} ${first + 1 + later}:${b}`),
  );
}

function rowAt<D extends Dimensions>(dimensions: D, place: Place): Row<D> {
  const entries = Object.entries(dimensions).map(([name, values], index) => [
    name,
    values[place[index] ?? 0],
  ]);
  return Object.fromEntries(entries) as Row<D>;
}
