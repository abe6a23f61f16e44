/** Options of `npm run test:faults`. */
import { parseArgs } from "node:util";
import { systemRandom } from "../../src/runtime/random.ts";
import type { Setting } from "./fault.ts";

export interface FaultOptions {
  /** Faults whose titles match. */
  readonly only: RegExp;
  readonly times: number;
  readonly seed: number;
  readonly nodes: number;
  readonly repairDeadlineMs: number;
  readonly settings: readonly Setting[];
  /** Every occurrence, a line of JSON each; null for none. */
  readonly json: string | null;
}

const STORES = ["file", "etcd", "kubernetes"] as const satisfies readonly Setting["store"][];

/** @throws Error for a value that is not accepted */
export function readOptions(args: readonly string[]): FaultOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string", default: "" },
      times: { type: "string", default: "10" },
      seed: { type: "string", default: String(systemRandom.below(1_000_000)) },
      nodes: { type: "string", default: "6" },
      "deadline-s": { type: "string", default: "60" },
      store: { type: "string", default: "etcd" },
      backend: { type: "string", default: "vxlan,host-gw,udp" },
      json: { type: "string" },
    },
  });
  return {
    only: new RegExp(values.only),
    times: wholeNumber("--times", values.times, 1),
    seed: wholeNumber("--seed", values.seed, 0),
    nodes: wholeNumber("--nodes", values.nodes, 2),
    repairDeadlineMs: 1000 * wholeNumber("--deadline-s", values["deadline-s"], 1),
    settings: values.store
      .split(",")
      .map(readStore)
      .flatMap((store) => values.backend.split(",").map((backend) => ({ store, backend }))),
    json: values.json ?? null,
  };
}

export function readStore(text: string): Setting["store"] {
  const store = STORES.find((each) => each === text);
  if (store === undefined) throw new Error(`--store is ${text}, expected one of ${STORES.join(", ")}`);
  return store;
}

export function wholeNumber(flag: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least)
    throw new Error(`${flag} is ${text}, expected ${least} or more`);
  return value;
}
