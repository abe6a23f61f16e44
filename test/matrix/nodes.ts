/**
 * Whether Tweed is built, passes its check and works on each Node that it supports: `npm run test:nodes [range…]`. Wants
 * root for its labs; ends with a table, and with 1 when something failed.
 */
import { join } from "node:path";
import type { Io } from "../../src/cli/io.ts";
import { requirePrograms } from "../../src/lab/requirements.ts";
import type { Outcome } from "../smoke/outcome.ts";
import { CHECK_TITLES } from "../smoke/scenes.ts";
import { runCommand } from "../support/run-command.ts";
import { type NodeProgram, obtainNode } from "./node-program.ts";
import { type Column, isClean, outcomeOf, outcomesIn, report } from "./report.ts";
import { SUPPORTED_NODES } from "./supported-nodes.ts";
import { tee } from "./tee.ts";

const SCRIPTS = ["build", "check"] as const;
const TITLES = [...SCRIPTS.map((script) => `npm run ${script}`), ...CHECK_TITLES];

await runCommand(async (io) => {
  await requirePrograms(["ip", "bridge", "nft", "iptables"], io.complain);
  const chosen = process.argv.slice(2);
  const nodes: NodeProgram[] = [];
  for (const range of chosen.length > 0 ? chosen : SUPPORTED_NODES) {
    nodes.push(await obtainNode(range, io.complain));
  }
  const columns: Column[] = [];
  for (const node of nodes) columns.push(await testOn(node, io));
  io.say(`\n${report(TITLES, columns)}`);
  return isClean(TITLES, columns) ? 0 : 1;
});

async function testOn({ version, directory }: NodeProgram, { say, signal }: Io): Promise<Column> {
  say(`\n# Node ${version}`);
  // npm's scripts, the labs and the daemons find this Node first.
  const environment = { ...process.env, PATH: `${directory}:${process.env.PATH ?? ""}` };
  const outcomes: Outcome[] = [];
  for (const script of SCRIPTS) {
    const result = await tee(["npm", "run", script], environment, signal);
    outcomes.push(outcomeOf(`npm run ${script}`, result));
  }
  const smoke = await tee([join(directory, "node"), "dist/smoke.mjs"], environment, signal);
  return { place: `Node ${version}`, outcomes: [...outcomes, ...outcomesIn(smoke.stdout)] };
}
