/** The smallest input found that still fails in the same way. */
const MAX_ATTEMPTS = 3000;

/** @param fails whether an input fails in the same way */
export async function minimise(
  input: Uint8Array,
  fails: (input: Uint8Array) => Promise<boolean>,
): Promise<Uint8Array> {
  let best = input;
  let attempts = 0;
  for (let piece = Math.ceil(best.length / 2); piece >= 1; piece = piece === 1 ? 0 : Math.ceil(piece / 2)) {
    for (let at = 0; at < best.length && attempts < MAX_ATTEMPTS; ) {
      const shorter = new Uint8Array(best.length - Math.min(piece, best.length - at));
      shorter.set(best.subarray(0, at));
      shorter.set(best.subarray(at + piece), at);
      attempts += 1;
      if (await fails(shorter)) best = shorter;
      else at += piece;
    }
    if (piece === 1) break;
  }
  return best;
}
