/**
 * Deadline of a test for an expected event: far beyond what the slowest machine needs, so that only a fault exceeds it.
 */
export const DEADLINE_MS = 60_000;
