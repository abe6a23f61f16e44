import { resolve } from "node:path";

/** The command that is tweed: the Node that runs this, and the bundle. */
export const TWEED: readonly string[] = [process.execPath, resolve("dist/tweed.cjs")];
