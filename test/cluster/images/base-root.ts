/** Root directories that replace base images: Debian's packages, and Node.js from npm's registry. */
import { createHash } from "node:crypto";
import { copyFile, cp, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { requirePrograms } from "../../../src/lab/requirements.ts";
import { TweedError } from "../../../src/runtime/error.ts";
import { run } from "../../../src/runtime/program.ts";
import { obtainNode } from "../../matrix/node-program.ts";
import { cached } from "../../support/cache-directory.ts";

export interface BaseRoot {
  /** The same key means the same files. */
  readonly key: string;
  /** Puts the base into the directory, which exists and is empty. */
  fill(directory: string): Promise<void>;
}

const TIMEOUT_MS = 1_800_000;
/** A library that Node.js is linked with and a minimal Debian lacks; the images of Node.js have it too. */
const NODE_LIBRARY = "libatomic1";
/** The release line shipped with Node.js 24 and later. */
const NPM_RANGE = "11";

/** Supports scratch, debian:RELEASE, debian:RELEASE-slim and node:VERSION-RELEASE-slim. @throws TweedError `no-base-image` */
export async function baseRoot(image: string, say: (line: string) => void): Promise<BaseRoot> {
  if (image === "scratch") return { key: "scratch", fill: async () => {} };
  const [, node, release] = /^(?:debian:|node:(\d+)-)([a-z]+)(?:-slim)?$/.exec(image) ?? [];
  if (release === undefined) {
    throw new TweedError({
      code: "no-base-image",
      operation: `make a root directory in place of the image ${image}`,
      reason: "without a registry bases are debian:RELEASE, node:VERSION-RELEASE-slim and scratch",
    });
  }
  const debian = await debianRoot(release, say);
  if (node === undefined) return debian;
  const [program, npm] = [await obtainNode(node, say), await obtainNpm(say)];
  return {
    key: `${debian.key} node ${program.version} npm ${npm.version}`,
    async fill(directory) {
      await debian.fill(directory);
      const local = join(directory, "usr/local");
      await copyFile(join(program.directory, "node"), join(local, "bin/node"));
      await cp(npm.directory, join(local, "lib/node_modules/npm"), {
        recursive: true,
        verbatimSymlinks: true,
      });
      for (const name of ["npm", "npx"])
        await symlink(`../lib/node_modules/npm/bin/${name}-cli.js`, join(local, "bin", name));
    },
  };
}

/** Mounts below the directory and processes in it end with the command, also when that is killed. */
const UNSEEN = ["--mount", "--propagation=private", "--pid", "--fork", "--kill-child"];

/** Remove it from the cache to get newer packages. */
async function debianRoot(release: string, say: (line: string) => void): Promise<BaseRoot> {
  const directory = await cached(join("images/bases", `debian-${release}`), async (empty) => {
    await requirePrograms(["debootstrap"], say);
    say(`installing Debian ${release} into a directory`);
    const install = [
      "debootstrap",
      "--variant=minbase",
      `--include=${NODE_LIBRARY}`,
      release,
      join(empty, "root"),
    ];
    await run("unshare", [...UNSEEN, ...install], { timeoutMs: TIMEOUT_MS });
    await slim(join(empty, "root"));
  });
  const installed = await readFile(join(directory, "root/var/lib/dpkg/status"));
  return {
    key: `debian ${release} ${createHash("sha256").update(installed).digest("hex")}`,
    // Device files, owners and hard links, which Node's own cp does not copy.
    fill: async (target) =>
      void (await run("cp", ["--archive", "--reflink=auto", `${directory}/root/.`, target], {
        timeoutMs: TIMEOUT_MS,
      })),
  };
}

const DOCUMENTATION = ["doc", "info", "locale", "man"].map((name) => `/usr/share/${name}`);

/** Removes what the slim images lack, also for packages installed later. */
async function slim(root: string): Promise<void> {
  for (const directory of [...DOCUMENTATION, "/var/lib/apt/lists", "/var/cache/apt"]) {
    for (const entry of await readdir(join(root, directory)))
      await rm(join(root, directory, entry), { recursive: true });
  }
  await mkdir(join(root, "etc/dpkg/dpkg.cfg.d"), { recursive: true });
  const excluded = DOCUMENTATION.map((directory) => `path-exclude ${directory}/*\n`);
  await writeFile(join(root, "etc/dpkg/dpkg.cfg.d/documentation"), excluded.join(""));
  await writeFile(
    join(root, "etc/apt/apt.conf.d/no-cache"),
    'Dir::Cache::pkgcache "";\nDir::Cache::srcpkgcache "";\nDPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb"; };\n',
  );
  // debootstrap leaves this machine's host name and DNS servers.
  for (const file of ["etc/hostname", "etc/resolv.conf"]) await writeFile(join(root, file), "");
}

async function obtainNpm(
  say: (line: string) => void,
): Promise<{ readonly version: string; readonly directory: string }> {
  const prefix = await cached(join("images/npm", NPM_RANGE), async (empty) => {
    say(`fetching npm ${NPM_RANGE}`);
    const quiet = ["--silent", "--no-audit", "--no-fund", "--ignore-scripts"];
    await run("npm", ["install", `--prefix=${empty}`, ...quiet, `npm@${NPM_RANGE}`], {
      cwd: empty,
      timeoutMs: TIMEOUT_MS,
    });
  });
  const directory = join(prefix, "node_modules/npm");
  return {
    version: (await run(process.execPath, [join(directory, "bin/npm-cli.js"), "--version"])).trim(),
    directory,
  };
}
