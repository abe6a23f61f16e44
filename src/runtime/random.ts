import { randomBytes, randomInt } from "node:crypto";

/** Randomness, passed in so that a test can seed it. */
export interface Random {
  bytes(count: number): Uint8Array;
  /** A whole number from 0 to below `limit`. */
  below(limit: number): number;
}

export const systemRandom: Random = {
  bytes: (count) => new Uint8Array(randomBytes(count)),
  below: (limit) => (limit <= 1 ? 0 : randomInt(limit)),
};
