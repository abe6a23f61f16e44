/**
 * The sources as a tree of files, to compare documents with. AssemblyScript is left out, because it is another
 * language.
 */
import { readdir, readFile } from "node:fs/promises";
import { dirname, posix } from "node:path";
import { fileURLToPath } from "node:url";

export interface SourceFile {
  /** From the top of the project: "src/net/ip.ts". */
  readonly path: string;
  readonly text: string;
}

const TOP = fileURLToPath(new URL("../../", import.meta.url));

export async function sourceFiles(roots: readonly string[] = ["src", "backends"]): Promise<SourceFile[]> {
  const paths: string[] = [];
  for (const root of roots) {
    for (const entry of await readdir(TOP + root, { recursive: true, withFileTypes: true })) {
      const path = posix.join(entry.parentPath.slice(TOP.length), entry.name);
      if (entry.isFile() && path.endsWith(".ts") && !path.includes("/assembly/")) paths.push(path);
    }
  }
  return Promise.all(paths.sort().map(async (path) => ({ path, text: await readFile(TOP + path, "utf8") })));
}

/** Every folder with sources in it or below it, without the roots themselves. */
export function foldersOf(files: readonly SourceFile[]): string[] {
  const folders = new Set<string>();
  for (const { path } of files) {
    for (let folder = dirname(path); folder.includes("/"); folder = dirname(folder)) folders.add(folder);
  }
  return [...folders].sort();
}

/** Paths of our own files that a file imports, including types. */
export function importsOf({ path, text }: SourceFile): string[] {
  return [...text.matchAll(/(?:\bfrom|\bimport\(|\bimport)\s*"(\.[^"]+)"/g)].map(([, specifier = ""]) =>
    posix.join(dirname(path), specifier),
  );
}
