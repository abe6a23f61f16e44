/** The next hops of a route with a bare next hop: the route's own, repeated many times, then the bare one, once. */
import type { NextHop } from "./next-hop.ts";

export interface NextHopPair {
  readonly own: Hop;
  readonly bare: Hop;
}

type Hop = Omit<NextHop, "weight">;

/** rtnh_hops has 8 bits. */
const MAX_WEIGHT = 256;
/** So that one flow in 4,097 takes the bare next hop, for which the peer may not be ready yet. */
const REPEATS = 16;

export function nextHopsOf({ own, bare }: NextHopPair): NextHop[] {
  const repeated = Array.from({ length: REPEATS }, () => ({ ...own, weight: MAX_WEIGHT }));
  return [...repeated, { ...bare, weight: 1 }];
}

/** null for next hops in another form than that of `nextHopsOf`. */
export function readNextHopPair(hops: readonly NextHop[]): NextHopPair | null {
  const [own] = hops;
  const bare = hops.at(-1);
  if (own === undefined || bare === undefined || hops.length !== REPEATS + 1) return null;
  const isOwn = (hop: NextHop) =>
    hop.index === own.index && hop.gateway === own.gateway && hop.weight === MAX_WEIGHT;
  if (!hops.slice(0, -1).every(isOwn) || bare.weight !== 1) return null;
  return { own, bare };
}
