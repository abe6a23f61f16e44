import { appendFile, chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ignoreRules, inputFiles, openContext } from "../../cluster/images/build-context.ts";
import { parseDockerfile } from "../../cluster/images/dockerfile.ts";
import { imageKey } from "../../cluster/images/image.ts";
import { stagesOf } from "../../cluster/images/stages.ts";
import { readDocument } from "../../support/markdown.ts";

describe("what .dockerignore leaves out", () => {
  it("is decided by the last rule that matches", async () => {
    const admits = ignoreRules(await readDocument(".dockerignore"));
    for (const path of ["src", "src/main.ts", ".npmrc", "bench/plan.ts"]) expect(admits(path)).toBe(true);
    for (const path of ["node_modules/a", "srcs", "README.md", "bench/results", "bench/results/latest/x"])
      expect(admits(path)).toBe(false);
  });

  it.each(["**/x", "a*", "!a/b", "/a", "a/"])("is refused where it takes more than that: %s", (pattern) => {
    expect(() => ignoreRules(`*\n${pattern}`)).toThrow(pattern);
  });
});

describe("the inputs of an image", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "tw-context-"));
    await mkdir(join(directory, "src/deep"), { recursive: true });
    for (const file of [".dockerignore", "a", "b", "src/main.ts", "src/deep/x", "src/left-out"])
      await writeFile(join(directory, file), file === ".dockerignore" ? "src/left-out" : file);
    await symlink("main.ts", join(directory, "src/link"));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const inputs = async () => {
    const [stage] = stagesOf(parseDockerfile("FROM scratch\nCOPY a /\nCOPY src /src\nRUN true"));
    return inputFiles(await openContext(directory), stage?.steps ?? []);
  };

  it("are the files that it copies", async () => {
    expect((await inputs()).map((line) => line.split(" ", 1)[0])).toEqual([
      "a",
      "src/deep/x",
      "src/link",
      "src/main.ts",
    ]);
  });

  it("change with contents and modes, and with nothing else", async () => {
    const before = await inputs();
    await appendFile(join(directory, "b"), "more");
    await appendFile(join(directory, "src/left-out"), "more");
    expect(await inputs()).toEqual(before);
    await appendFile(join(directory, "src/deep/x"), "more");
    const changed = await inputs();
    expect(changed).not.toEqual(before);
    await chmod(join(directory, "src/deep/x"), 0o755);
    expect(await inputs()).not.toEqual(changed);
  });

  it("make another image when any of them is another", () => {
    const image = { names: ["a:1"], dockerfile: "FROM scratch", bases: ["scratch"], files: ["a 644 00"] };
    const others = [
      { ...image, names: ["a:2"] },
      { ...image, dockerfile: "FROM  scratch" },
      { ...image, bases: ["debian trixie"] },
      { ...image, files: [] },
    ];
    const keys = [image, ...others].map(imageKey);
    expect(new Set(keys).size).toBe(keys.length);
    expect(imageKey({ ...image })).toBe(keys[0]);
  });
});
