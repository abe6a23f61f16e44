import { access, readFile } from "node:fs/promises";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { EXIT } from "../../../src/cli/exit-code.ts";
import { SUPPORTED_NODES } from "../../matrix/supported-nodes.ts";
import { readDocument, section } from "../../support/markdown.ts";

const dockerfile = await readDocument("Dockerfile");

describe("the image", () => {
  const fromContext = [...dockerfile.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, sources = ""]) =>
    sources.split(" "),
  );

  it("is built from files that exist and that .dockerignore lets through", async () => {
    const admitted = (await readDocument(".dockerignore")).split("\n").filter((line) => line.startsWith("!"));
    expect(admitted.map((line) => line.slice(1)).sort()).toEqual([...new Set(fromContext)].sort());
    for (const path of fromContext) await access(new URL(`../../../${path}`, import.meta.url));
  });

  it("is built from everything that goes into the bundle", async () => {
    const entryPoints = ["src/main.ts", "src/cli/lab-commands.ts", "backends/udp/worker.ts"];
    const options = {
      bundle: true,
      write: false,
      packages: "external",
      logLevel: "silent",
      outdir: "dist",
    } as const;
    const { metafile } = await build({ entryPoints, ...options, platform: "node", metafile: true });
    const roots = new Set(Object.keys(metafile.inputs).map((path) => path.split("/")[0]));
    expect(fromContext).toEqual(expect.arrayContaining([...roots]));
  });

  it("holds what the bundle loads at run time, but for the socket of the probes", async () => {
    const build = await readDocument("build.mjs");
    const external = /external: (\[.*?\])/s.exec(build)?.[1] ?? "[]";
    const needed = (JSON.parse(external) as string[]).filter((name) => name !== "raw-socket");
    expect(needed).not.toEqual([]);
    for (const name of needed) expect(dockerfile).toContain(`node_modules/${name} `);
  });

  it("finds that native code for both machines in the lock file", async () => {
    const { packages } = JSON.parse(await readDocument("package-lock.json")) as {
      readonly packages: Readonly<Record<string, { readonly integrity?: string; readonly cpu?: string[] }>>;
    };
    for (const cpu of ["x64", "arm64"]) {
      const locked = packages[`node_modules/@koromix/koffi-linux-${cpu}`];
      expect(locked).toMatchObject({ cpu: [cpu], integrity: expect.stringMatching(/^sha512-/) });
    }
  });

  it("is stopped by the signal that the daemon stops on", () => {
    expect(dockerfile).toMatch(/^STOPSIGNAL SIGTERM$/m);
  });
});

describe("the supported versions of Node.js", () => {
  const [oldest = "", ...lines] = SUPPORTED_NODES;

  it("begin with the oldest that npm admits", async () => {
    const { engines } = JSON.parse(await readDocument("package.json")) as {
      readonly engines: { node: string };
    };
    expect(`>=${oldest.replace(/\.0$/, "")}`).toBe(engines.node);
  });

  it("end with the line that the image takes, on Debian", () => {
    expect(dockerfile).toMatch(new RegExp(`^ARG BASE=node:${lines.at(-1)}-trixie-slim$`, "m"));
  });

  it("are those that README.md names", async () => {
    const named = section(await readDocument("README.md"), "Node.js and kernels").replaceAll(/\s+/g, " ");
    expect(named).toContain(
      `on ${oldest} and on the newest ${lines.slice(0, -1).join(", ")} and ${lines.at(-1)};`,
    );
  });
});

describe("the systemd unit", async () => {
  const unit = await readFile(new URL("../../../deploy/systemd/tweed.service", import.meta.url), "utf8");

  it("does not start again what a wrong command line ended", () => {
    expect(unit).toContain(`\nRestartPreventExitStatus=${EXIT.usage}\n`);
  });

  it("leaves the daemon what it needs", () => {
    expect(unit).toMatch(/^CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW$/m);
    expect(unit).toMatch(/^RestrictAddressFamilies=.*AF_NETLINK/m);
    expect(unit).not.toMatch(/^(?:ProtectKernelTunables|MemoryDenyWriteExecute)=/m);
  });
});
