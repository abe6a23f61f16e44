import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { join } from "node:path";
import type { Family } from "../../net/index.ts";
import type { Installation } from "./iptables/installation.ts";

export interface HostPrograms {
  readonly hasNft: boolean;
  /** Every working iptables of each family; the first is used. */
  readonly iptables: Readonly<Record<Family, readonly Installation[]>>;
  /** Programs that are installed but print no version, with the reason; they count as absent. */
  readonly broken?: ReadonlyMap<string, string>;
}

/** Those of `names` that are executable in the directories of `path`, which has the format of $PATH. */
export async function findPrograms(names: readonly string[], path: string): Promise<ReadonlySet<string>> {
  const directories = path.split(":").filter((directory) => directory !== "");
  const found = await Promise.all(
    names.map(async (name) => {
      const places = await Promise.all(directories.map((directory) => isExecutable(join(directory, name))));
      return places.includes(true) ? [name] : [];
    }),
  );
  return new Set(found.flat());
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
