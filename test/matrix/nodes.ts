/**
 * Whether Tweed is built, passes its check and works on each Node that it supports: `npm run test:nodes [range…]`. Wants
 * root for its labs; ends with a table, and with 1 when something failed.
 */
import { join } from "node:path";
import { processIo } from "../../src/cli/io.ts";
import { requirePrograms } from "../../src/lab/requirements.ts";
import { CHECK_TITLES } from "../smoke/scenes.ts";
import { type NodeProgram, obtainNode } from "./node-program.ts";
import { type Column, isClean, outcomeOf, outcomesIn, report } from "./report.ts";
import { SUPPORTED_NODES } from "./supported-nodes.ts";
import { tee } from "./tee.ts";

const SCRIPTS = ["build", "check"] as const;
const TITLES = [...SCRIPTS.map((script) => `npm run ${script}`), ...CHECK_TITLES];

const { say, complain, signal } = processIo();
await requirePrograms(["ip", "bridge", "nft", "iptables"], complain);
const chosen = process.argv.slice(2);
const nodes: NodeProgram[] = [];
for (const range of chosen.length > 0 ? chosen : SUPPORTED_NODES)
  nodes.push(await obtainNode(range, complain));

const columns: Column[] = [];
for (const node of nodes) columns.push(await testOn(node));
say(`\n${report(TITLES, columns)}`);
process.exitCode = isClean(TITLES, columns) ? 0 : 1;

async function testOn({ version, directory }: NodeProgram): Promise<Column> {
  say(`\n# Node ${version}`);
  // Programs that npm's scripts, the labs and the daemons start find this Node first.
  const environment = { ...process.env, PATH: `${directory}:${process.env.PATH ?? ""}` };
  const node = join(directory, "node");
  const outcomes = [];
  for (const script of SCRIPTS) {
    const result = await tee(["npm", "run", script], environment, signal);
    outcomes.push(outcomeOf(`npm run ${script}`, result));
  }
  const smoke = await tee([node, "dist/smoke.mjs"], environment, signal);
  outcomes.push(...outcomesIn(smoke.stdout));
  return { place: `Node ${version}`, outcomes };
}
