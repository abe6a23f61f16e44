import { access } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { BACKENDS } from "../../../backends/registry.ts";
import packageJson from "../../../package.json" with { type: "json" };
import { activateBackend } from "../../../src/agent/switch-over/active-backend.ts";
import { runCommandLine } from "../../../src/cli/commands.ts";
import { DAEMON_FLAGS } from "../../../src/config/daemon-flags.ts";
import { KLOG_FLAGS } from "../../../src/config/klog-flags.ts";
import { parseNetworkConfig } from "../../../src/config/network-config.ts";
import {
  codeBlocks,
  codeSpans,
  readDocument,
  relativeLinks,
  section,
  tableRows,
} from "../../support/markdown.ts";

const DOCUMENTS = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LOGGING.md"];

const readme = await readDocument("README.md");

/** Shell commands of all documents, one to an entry. */
const shellLines = (await Promise.all(DOCUMENTS.map(readDocument)))
  .flatMap(codeBlocks)
  .filter((block) => block.language === "sh")
  .flatMap((block) => block.lines);

describe("links", () => {
  it.each(DOCUMENTS)("of %s lead to files that exist", async (name) => {
    const links = relativeLinks(await readDocument(name));
    for (const link of links) await access(new URL(`../../../${link}`, import.meta.url));
  });
});

describe("commands in the documents", () => {
  const commands = shellLines
    .filter((line) => line.startsWith("tweed "))
    .map((line) => line.split(" ").slice(1));

  it("are there to be checked", () => {
    expect(commands.length).toBeGreaterThan(10);
  });

  it.each(commands)("tweed %s %s … exists, with its flags", async (...words) => {
    const end = words.indexOf("--");
    const own = end < 0 ? words : words.slice(0, end);
    const flags = own.filter((word) => word.startsWith("--")).map((word) => word.slice(2).replace(/=.*/, ""));
    const known = await flagsOf(own);
    for (const flag of flags) expect(known, `--${flag}`).toContain(flag);
  });

  it("call scripts that package.json has", () => {
    const called = shellLines.flatMap((line) =>
      [...line.matchAll(/npm run (\S+)/g)].map((match) => match[1]),
    );
    expect(Object.keys(packageJson.scripts)).toEqual(expect.arrayContaining(called));
  });

  it("keep the two that the project promises", () => {
    expect(shellLines).toEqual(expect.arrayContaining(["npm ci && npm run demo", "npm ci && npm test"]));
  });
});

/** Names of the flags that a command takes, by its own help. @throws when there is no such command */
async function flagsOf([command = "", subcommand = ""]: readonly string[]): Promise<string[]> {
  if (command === "run" || command === "store") return Object.keys(DAEMON_FLAGS);
  const words = command === "lab" ? [command, subcommand, "--help"] : [command, "--help"];
  const { exitCode, said } = await runQuietly(words);
  expect(exitCode, `tweed ${words.join(" ")}`).toBe(0);
  // Of an unknown subcommand commander shows the help of the command above it.
  if (command === "lab") expect(said).toContain(`tweed lab ${subcommand} `);
  return [...said.matchAll(/--([a-z][a-z-]*)/g)].map(([, name = ""]) => name);
}

async function runQuietly(words: readonly string[]): Promise<{ exitCode: number; said: string }> {
  const said: string[] = [];
  const say = (line: string) => void said.push(line);
  const { signal } = new AbortController();
  const exitCode = await runCommandLine("tweed", words, {
    say,
    complain: say,
    relay: () => undefined,
    environment: {},
    self: [],
    signal,
  });
  return { exitCode, said: said.join("\n") };
}

describe("the table of flags", () => {
  const rows = tableRows(section(readme, "Flags of `tweed run`"));
  const listed = new Map(
    rows.map(([flag = "", fallback = ""]) => [flag.replaceAll(/^`--|`$/g, ""), fallback]),
  );
  const inert = Object.keys(KLOG_FLAGS).filter((name) => name !== "v");

  it("has every flag that does something, and no other", () => {
    const active = Object.keys(DAEMON_FLAGS).filter((name) => !inert.includes(name));
    expect([...listed.keys()].sort()).toEqual(active.sort());
  });

  it("gives the defaults that the code has", () => {
    for (const [name, flag] of Object.entries(DAEMON_FLAGS)) {
      if (inert.includes(name)) continue;
      const { fallback } = flag;
      // No list and no address to begin with.
      const isNothing = fallback === "" || typeof fallback === "object";
      expect(listed.get(name), `--${name}`).toBe(isNothing ? "" : `\`${fallback}\``);
    }
  });

  it("is followed by the flags that are taken without effect", () => {
    const spans = codeSpans(section(readme, "Flags of `tweed run`"));
    expect(spans).toEqual(expect.arrayContaining(inert.map((name) => `--${name}`)));
  });
});

describe("the network configuration", () => {
  const configure = section(readme, "Configure the network");

  it("shown as an example is one that a daemon takes", () => {
    const examples = codeBlocks(configure).filter((block) => block.language === "json");
    expect(examples).toHaveLength(1);
    for (const { lines } of examples) activateBackend(parseNetworkConfig(lines.join("\n"), "README.md"));
  });

  it("has a row for each backend that there is", () => {
    const listed = tableRows(configure).map(([cell = ""]) => cell.replaceAll("`", ""));
    for (const { type } of BACKENDS) expect(listed).toContain(type);
  });
});
