import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readCommandLine } from "../../../src/config/daemon-options.ts";
import { followExclusions } from "../../../src/config/exclusion-file.ts";
import { parseExclusions } from "../../../src/config/masquerade-exclusions.ts";
import { parsePrefix } from "../../../src/net/index.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { nodeFiles } from "../../../src/runtime/node-files.ts";
import { eventually } from "../../support/eventually.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

describe("a list", () => {
  test.each([
    ["", []],
    ["192.168.0.0/16", ["192.168.0.0/16"]],
    ["192.168.0.0/16,fd00::/8", ["192.168.0.0/16", "fd00::/8"]],
    ["10.0.0.1", ["10.0.0.1/32"]],
    ["2001:DB8::1", ["2001:db8::1/128"]],
    ["10.0.0.0/8,10.0.0.0/8", ["10.0.0.0/8"]],
    ["# offices\n10.1.0.0/16  # Bern\n10.2.0.0/16\n", ["10.1.0.0/16", "10.2.0.0/16"]],
  ])("%j is %j", (text, prefixes) => {
    expect(parseExclusions(text)).toEqual({ prefixes });
  });

  test.each(["10.0.0.1/8", "10.0.0.0/33", "office", "10.0.0.0/8;10.1.0.0/16"])("%j is malformed", (text) => {
    expect(parseExclusions(`10.9.0.0/16,${text}`)).toEqual({ malformed: text });
  });
});

describe("the flag", () => {
  const firewallOf = (...words: string[]) => {
    const line = readCommandLine(words, {});
    if (line.kind !== "run") throw new Error(line.kind === "usage-error" ? line.error.message : line.kind);
    return line.options.firewall;
  };

  test("takes a list or a file", () => {
    expect(firewallOf("--ip-masq-exclude=10.0.0.0/8").masqueradeExclusions).toEqual({
      kind: "list",
      prefixes: ["10.0.0.0/8"],
    });
    expect(firewallOf("--ip-masq-exclude=@/etc/tweed/exclude").masqueradeExclusions).toEqual({
      kind: "file",
      path: "/etc/tweed/exclude",
    });
  });

  test("says what it would take", () => {
    expect(() => firewallOf("--ip-masq-exclude=10.0.0.1/8")).toThrow(/without host bits/);
    expect(() => firewallOf("--ip-masq-exclude=@")).toThrow(/or @ and a path/);
  });

  test.each([
    ["on", "drop"],
    ["off", "ignore"],
    ["log", "log"],
  ])("--forged-packet-filter=%s means %s", (text, action) => {
    expect(firewallOf(`--forged-packet-filter=${text}`).forgedPackets).toBe(action);
  });
});

describe("a file", () => {
  let directory: string;
  let path: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "tw-exclude-"));
    path = join(directory, "list");
  });
  afterEach(() => rm(directory, { recursive: true }));

  const follow = (faults: string[], signal: AbortSignal) => {
    const clock = new VirtualClock();
    const onFault = (reason: string) => faults.push(reason);
    return followExclusions({ kind: "file", path }, { files: nodeFiles, clock, onFault }, signal);
  };

  test("is followed through changes, replacement and faults", async () => {
    const ended = new AbortController();
    const faults: string[] = [];
    const lists = follow(faults, ended.signal);
    expect((await lists.next()).value).toEqual([]);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain("ENOENT");

    await writeFile(`${path}.new`, "10.0.0.0/8\n");
    await rename(`${path}.new`, path);
    expect((await lists.next()).value).toEqual([parsePrefix("10.0.0.0/8")]);

    const next = lists.next();
    await writeFile(`${path}.new`, "10.0.0.0/8 nonsense");
    await rename(`${path}.new`, path);
    await eventually(() => faults.slice(1)).toEqual([expect.stringContaining('"nonsense" is not a network')]);

    await writeFile(`${path}.new`, "10.0.0.0/8,10.0.0.0/8 fd00::/8");
    await rename(`${path}.new`, path);
    expect((await next).value).toEqual(["10.0.0.0/8", "fd00::/8"]);
    expect(faults).toHaveLength(2);

    ended.abort(new Error("done"));
    await expect(lists.next()).rejects.toThrow("done");
  });

  test("a plain list comes once", async () => {
    const never = new AbortController().signal;
    const prefixes = [parsePrefix("10.0.0.0/8")];
    const clock = systemClock;
    const lists = followExclusions(
      { kind: "list", prefixes },
      { files: nodeFiles, clock, onFault: () => {} },
      never,
    );
    expect(await lists.next()).toEqual({ value: prefixes, done: false });
    expect(await lists.next()).toEqual({ value: undefined, done: true });
  });
});
