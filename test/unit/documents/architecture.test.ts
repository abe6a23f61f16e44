import { describe, expect, it } from "vitest";
import { codeSpans, readDocument, section, tableRows } from "../../support/markdown.ts";
import { foldersOf, importsOf, sourceFiles } from "../../support/source-tree.ts";

const files = await sourceFiles();
const parts = section(await readDocument("ARCHITECTURE.md"), "Parts");
const rows = tableRows(parts).map(([folder = "", , mayImport = ""]) => ({
  folder: codeSpans(folder)[0] ?? "",
  mayImport,
}));

/** "src/net/ip.ts" belongs to "net", all below "backends" to that, "src/main.ts" to none. */
function partOf(path: string): string | null {
  const [root = "", folder = "", ...rest] = path.split("/");
  if (root !== "src") return root;
  return rest.length === 0 ? null : folder;
}

describe("the tables of folders", () => {
  it("list every folder with sources once, and none that is not there", () => {
    const folders = [...foldersOf(files), "backends"].sort();
    expect(rows.map((row) => row.folder).sort()).toEqual(folders);
  });

  const listed = rows.filter((row) => row.mayImport !== "");

  it.each(listed)("say what $folder may import, and it keeps to that", ({ folder, mayImport }) => {
    if (mayImport === "all") return;
    const part = folder.replace("src/", "");
    const allowed = new Set([part, ...codeSpans(mayImport)]);
    for (const file of files.filter((each) => partOf(each.path) === part)) {
      for (const path of importsOf(file))
        expect(allowed, `${file.path} imports ${path}`).toContain(partOf(path));
    }
  });

  it("have that column for every part", () => {
    const all = new Set(files.map((file) => partOf(file.path)).filter((part) => part !== null));
    expect(new Set(listed.map((row) => row.folder.replace("src/", "")))).toEqual(all);
  });
});

describe("imports", () => {
  it("never lead from the benchmark into the tests", async () => {
    for (const file of await sourceFiles(["bench"]))
      for (const path of importsOf(file)) expect(path, file.path).not.toMatch(/^test\//);
  });

  it("lead from the sources into the benchmark by way of its command only, and never into the tests", () => {
    const outward = files.filter((file) => importsOf(file).some((path) => /^(?:bench|test)\//.test(path)));
    expect(outward.map(({ path }) => path)).toEqual(["src/cli/bench.ts"]);
    for (const path of outward.flatMap(importsOf)) expect(path).not.toMatch(/^test\//);
  });
});

describe("the daemon's bundle", () => {
  it("has nothing of the lab and the benchmark, which the program loads from a file beside it", () => {
    const bundle = filesBehind("src/main.ts", [LAB_COMMANDS]);
    expect(bundle).toContain("src/agent/agent.ts");
    expect(bundle.filter((path) => ["bench", "lab"].includes(partOf(path) ?? ""))).toEqual([]);
  });

  it("leaves them out by an import that build.mjs looks for", () => {
    const importers = files.filter((file) => importsOf(file).includes(LAB_COMMANDS));
    expect(importers.map(({ path }) => path)).toEqual(["src/cli/lab-program.ts"]);
  });
});

const LAB_COMMANDS = "src/cli/lab-commands.ts";

/** What a file imports, and what that imports in turn; not by way of the files left out. */
function filesBehind(entry: string, without: readonly string[]): string[] {
  const found = new Set([entry]);
  for (const path of found) {
    const file = files.find((each) => each.path === path);
    for (const next of file === undefined ? [] : importsOf(file))
      if (!without.includes(next)) found.add(next);
  }
  return [...found].sort();
}
