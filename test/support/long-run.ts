/** `TWEED_LONG=1`: as often and as long as the project promises; an ordinary run proves the same with less. */
export const isLongRun = process.env.TWEED_LONG === "1";
