/**
 * A process that outlives the program that runs a cluster: when the program's end of the pipe closes, as at any death
 * of the program, it removes the leftovers. Argument: the cluster's name.
 */
import { once } from "node:events";
import { readRecord } from "./records.ts";
import { sweep } from "./sweep.ts";

const [name = ""] = process.argv.slice(2);
if (name === "") throw new Error("the guard needs the name of a cluster");
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
process.stdin.resume();
await once(process.stdin, "close");
const record = await readRecord(name);
if (record !== null) await sweep(record, new AbortController().signal);
