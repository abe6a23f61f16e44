import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openContext } from "../../cluster/images/build-context.ts";
import { parseDockerfile } from "../../cluster/images/dockerfile.ts";
import { StageRoot } from "../../cluster/images/stage-root.ts";
import { stagesOf } from "../../cluster/images/stages.ts";

describe("COPY", () => {
  let directory: string;
  let root: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "tw-stage-"));
    root = join(directory, "root");
    const context = join(directory, "context");
    await mkdir(join(context, "src/deep"), { recursive: true });
    await mkdir(root);
    for (const file of ["a", "b", "src/x", "src/deep/y", "src/left-out"])
      await writeFile(join(context, file), file);
    await writeFile(join(context, ".dockerignore"), "src/left-out\n");
    await symlink("x", join(context, "src/link"));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const carryOut = async (...steps: string[]) => {
    const [stage] = stagesOf(parseDockerfile(["FROM scratch", ...steps].join("\n")));
    const context = await openContext(join(directory, "context"));
    const stageRoot = new StageRoot(root);
    for (const step of stage?.steps ?? []) await stageRoot.execute(step, context, new Map());
    const entries = await readdir(root, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
      .sort();
  };

  it("takes the contents of a directory, with links as they are and without what is left out", async () => {
    expect(await carryOut("COPY src /opt/src")).toEqual(["/opt/src/deep/y", "/opt/src/link", "/opt/src/x"]);
  });

  it("puts files into a directory, and one file under the name of the target", async () => {
    const placed = await carryOut("WORKDIR /srv", "COPY a b ./", "COPY a c", "COPY b /etc/d");
    expect(placed).toEqual(["/etc/d", "/srv/a", "/srv/b", "/srv/c"]);
    expect(await readFile(join(root, "srv/c"), "utf8")).toBe("a");
  });

  it("puts a file into the target when that is a directory", async () => {
    await mkdir(join(root, "etc"));
    expect(await carryOut("COPY a /etc")).toEqual(["/etc/a"]);
  });

  it("refuses a source that is left out", async () => {
    await expect(carryOut("COPY src/left-out /")).rejects.toThrow("left out by .dockerignore");
  });

  it("refuses a target that a link of the image leads out of its root", async () => {
    await symlink(join(directory, "context"), join(root, "out"));
    await expect(carryOut("COPY a /out/new/file")).rejects.toThrow("leads out of the image");
    expect(await readdir(join(directory, "context"))).not.toContain("new");
  });
});
