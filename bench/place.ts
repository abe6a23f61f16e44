import { inNamespace } from "../src/lab/namespaces.ts";
import { execute, type ProgramOptions, type ProgramResult } from "../src/runtime/program.ts";

/** Where a program runs: in a pod of the lab, or on this machine directly. */
export interface Place {
  execute(command: readonly string[], options: ProgramOptions): Promise<ProgramResult>;
}

export function podPlace(namespace: string): Place {
  return { execute: (command, options) => execute("ip", inNamespace(namespace, command), options) };
}

export const THIS_MACHINE: Place = {
  execute: ([program = "", ...args], options) => execute(program, args, options),
};
