/**
 * `TWEED_LONG=1`: as many rounds and as much time as the project promises; an ordinary run checks the same with fewer.
 */
export const isLongRun = process.env.TWEED_LONG === "1";
