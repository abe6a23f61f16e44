/** The demo, which is what most people see of Tweed first: it ends well, leaves nothing behind, and survives itself. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { access } from "node:fs/promises";
import { afterAll, expect, test } from "vitest";
import { Lab } from "../../src/lab/lab.ts";
import { listNamespaces } from "../../src/lab/namespaces.ts";
import { labDirectory, namespacePrefix } from "../../src/lab/topology.ts";
import { eventually } from "../support/eventually.ts";
import { processesOfThisSuite } from "../support/leftovers/machine.ts";
import { nodeOf, TWEED } from "../support/test-lab.ts";

const NAME = "e2edemo";

afterAll(() => Lab.down(NAME));

test("killed in the middle it leaves its lab", async () => {
  const demo = startDemo();
  await eventually(processesOfLab).not.toEqual([]);
  demo.child.kill("SIGKILL");
  await demo.ended;
  expect(await listNamespaces(namespacePrefix(NAME))).not.toEqual([]);
  expect(processesOfLab()).not.toEqual([]);
});

test("the next one runs all the same, ends with demo: ok, and leaves nothing", async () => {
  const demo = startDemo();
  expect(await demo.ended, demo.output()).toBe(0);
  expect(demo.output().trimEnd().split("\n").at(-1)).toBe("demo: ok");
  await expectNothingLeft();
});

test("when something fails it says what, ends with 1, and leaves nothing", async () => {
  const demo = startDemo();
  await eventually(demo.output).toContain("the leases in the store");
  const lab = await Lab.open(NAME);
  // Without its daemon nobody repairs node2.
  await lab.stopDaemon(nodeOf(lab, 2), "SIGKILL");
  await lab.exec("node2", ["ip", "link", "delete", "flannel.1"]);
  expect(await demo.ended).toBe(1);
  expect(demo.output().trimEnd()).toMatch(/\ndemo: failed: [\s\S]*pod1 -> pod2 .* lost/);
  await expectNothingLeft();
});

interface Demo {
  readonly child: ChildProcess;
  /** Resolves with the exit code. */
  readonly ended: Promise<number | null>;
  /** Everything that it has printed. */
  output(): string;
}

function startDemo(): Demo {
  const [program = "", ...args] = [...TWEED, "demo", `--name=${NAME}`];
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk;
  });
  return {
    child,
    ended: once(child, "close").then(([exitCode]) => exitCode as number | null),
    output: () => output,
  };
}

async function expectNothingLeft(): Promise<void> {
  expect(await listNamespaces(namespacePrefix(NAME))).toEqual([]);
  expect(processesOfLab()).toEqual([]);
  await expect(access(labDirectory(NAME))).rejects.toThrow("ENOENT");
}

/** Command lines of programs that work for the lab. */
function processesOfLab(): string[] {
  return processesOfThisSuite().filter((command) => command.includes(`${labDirectory(NAME)}/`));
}
