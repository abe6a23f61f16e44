import { messageOf } from "../../src/runtime/error.ts";

/** Which packages with native code this Node loads: `koffi` it has to; without `raw-socket` probes take another way. */
export async function describePackages(): Promise<string> {
  // @ts-expect-error the package has no types
  const packages = { koffi: () => import("koffi"), "raw-socket": () => import("raw-socket") };
  const lines = Object.entries(packages).map(async ([name, load]) => {
    try {
      await load();
      return `${name} loads`;
    } catch (error) {
      return `${name} does not load (${messageOf(error).split("\n", 1)})`;
    }
  });
  return (await Promise.all(lines)).join(", ");
}
