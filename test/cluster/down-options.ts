/** The command line of `npm run cluster:down`, and the clusters that it ends. */
import { parseArgs } from "node:util";
import { TweedError } from "../../src/runtime/error.ts";

export interface DownOptions {
  /** True to end every cluster of this machine. */
  readonly all: boolean;
  readonly names: readonly string[];
}

/** @throws TweedError `usage` */
export function parseDown(args: readonly string[]): DownOptions {
  try {
    const flags = { all: { type: "boolean", default: false } } as const;
    const { values, positionals } = parseArgs({ args: [...args], options: flags, allowPositionals: true });
    if (values.all && positionals.length > 0) throw new Error("either names or --all");
    return { all: values.all, names: positionals };
  } catch (cause) {
    throw usage((cause as Error).message, cause);
  }
}

/**
 * The clusters of these names; without names the only one: of several, others may be somebody else's.
 * @throws TweedError `usage`
 */
export function chooseClusters<T extends { readonly name: string }>(
  running: readonly T[],
  names: readonly string[],
): readonly T[] {
  const list = running.map(({ name }) => name).join(" ");
  if (names.length === 0) {
    if (running.length > 1) throw usage(`several clusters run, name one or give --all: ${list}`);
    return running;
  }
  return names.map((name) => {
    const found = running.find((each) => each.name === name);
    if (found === undefined)
      throw usage(`no cluster ${JSON.stringify(name)} runs; running: ${list === "" ? "none" : list}`);
    return found;
  });
}

function usage(reason: string, cause?: unknown): TweedError {
  return new TweedError({ code: "usage", operation: "read the options of cluster:down", reason, cause });
}
