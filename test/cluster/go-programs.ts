/** Go programs for tests, built from a module in this tree that pins their sources, into the cache outside it. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { TweedError } from "../../src/runtime/error.ts";
import { execute, run } from "../../src/runtime/program.ts";
import { cached } from "../support/cache-directory.ts";

export interface GoPrograms {
  /** Directory with go.mod and go.sum, relative to the root of the checkout. */
  readonly module: string;
  /** Import path of each program's package, by the name of its file. */
  readonly packages: Readonly<Record<string, string>>;
  /** The same for test programs, which `go test -c` builds from a package. */
  readonly tests?: Readonly<Record<string, string>>;
  /** Values of string variables that the linker sets, by import path and name. */
  readonly variables?: Readonly<Record<string, string>>;
}

/** A first build of Kubernetes takes minutes of each core. */
const BUILD_TIMEOUT_MS = 3_600_000;

/**
 * The directory of the programs, static and stripped. They are built if it is not in the cache; its name derives from
 * their inputs.
 * @throws TweedError `go-missing`, `program-failed`
 */
export async function goPrograms(programs: GoPrograms, say: (line: string) => void): Promise<string> {
  return cached(join("go", await cacheName(programs)), async (directory) => {
    await requireGo();
    const { module, packages, tests = {}, variables = {} } = programs;
    const flags = ["-trimpath", "-mod=readonly", `-ldflags=${linkerFlags(variables)}`];
    const build = async (command: readonly string[], name: string, importPath: string) => {
      say(`building ${name} (${importPath})`);
      await run("go", [...command, ...flags, "-o", join(directory, name), importPath], {
        cwd: module,
        env: { CGO_ENABLED: "0" },
        timeoutMs: BUILD_TIMEOUT_MS,
      });
    };
    for (const [name, importPath] of Object.entries(packages)) await build(["build"], name, importPath);
    // Third-party code is not vetted: that would take longer than the build.
    const test = ["test", "-c", "-vet=off"];
    for (const [name, importPath] of Object.entries(tests)) await build(test, name, importPath);
  });
}

async function cacheName({ module, packages, tests, variables }: GoPrograms): Promise<string> {
  const hash = createHash("sha256");
  for (const file of ["go.mod", "go.sum"]) hash.update(await readFile(join(module, file)));
  hash.update(JSON.stringify([packages, variables, ...(tests === undefined ? [] : [tests])]));
  return `${basename(module)}-${hash.digest("hex").slice(0, 16)}`;
}

export function linkerFlags(variables: Readonly<Record<string, string>>): string {
  return ["-s", "-w", ...Object.entries(variables).map(([name, value]) => `-X=${name}=${value}`)].join(" ");
}

async function requireGo(): Promise<void> {
  const isThere = await execute("go", ["version"]).then(
    ({ exitCode }) => exitCode === 0,
    () => false,
  );
  if (isThere) return;
  throw new TweedError({
    code: "go-missing",
    operation: "build the programs of a real cluster",
    reason: "go is not in the PATH; install Go 1.26 or later, or name built programs with KUBEBUILDER_ASSETS",
  });
}
