/** A lab on an API server: its daemons get through what that server does to them, and take up what it then says. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { tellKubeApi } from "../../src/lab/kube-api-process.ts";
import { writeNodeConfig } from "../../src/lab/node-config.ts";
import type { LabSpec } from "../../src/lab/topology.ts";
import { eventually } from "../support/eventually.ts";
import { nodeOf, useLab } from "../support/test-lab.ts";

const NAME = "e2ekube";
const SPEC: LabSpec = {
  name: NAME,
  nodes: 2,
  backend: { Type: "host-gw" },
  store: "kubernetes",
  families: "dual",
};

const bed = useLab(SPEC);

afterEach(async () => {
  for (const act of ["open", "flow", "accept"]) await tellKubeApi(NAME, act).catch(() => undefined);
});

test("the operator sees a lease for each Node, in its podCIDRs", async () => {
  const lines = (await bed.lab.tweedInSwitch(["store", "leases"])).trimEnd().split("\n");
  expect(lines).toEqual([
    "node1  10.244.1.0/24 fd00:10:244:1::/64  at 198.18.1.1 fd00:198:18::1:1  through host-gw",
    "node2  10.244.2.0/24 fd00:10:244:2::/64  at 198.18.1.2 fd00:198:18::1:2  through host-gw",
  ]);
});

test("each node takes up its own configuration at a time of its own, and traffic goes on", async () => {
  const stream = await bed.lab.startPings(bed.node(1), bed.node(2), 10);
  for (const node of bed.lab.nodes) {
    await writeNodeConfig(SPEC, node, { Type: "vxlan" });
    await sleep(500);
  }
  for (const number of [1, 2]) await eventually(() => routeOf(number)).toContain("flannel.1");
  const [result] = await stream.stop();
  expect(result?.received).toBeGreaterThan(0);
  expect(result?.lost).toBe(0);
});

test.each([
  ["stopped", "close", "open", {}],
  ["silent", "stall", "flow", {}],
  ["busy", "refuse", "accept", { status: 429, retryAfter: "1" }],
] as const)("traffic does not notice that the API server is %s", async (_title, start, end, details) => {
  const stream = await bed.lab.startPings(bed.node(1), bed.node(2), 10);
  await tellKubeApi(NAME, start, details);
  await sleep(1000);
  await tellKubeApi(NAME, end);
  const [result] = await stream.stop();
  expect(result).toMatchObject({ lost: 0 });
});

test("a daemon gets along with another token, a watch that has expired, and a lost connection", async () => {
  for (const act of ["rotate", "expire", "cut"]) await tellKubeApi(NAME, act, { name: "node1" });
  const tokens: string[] = [];
  await eventually(async () => {
    const seen = (await tellKubeApi(NAME, "seen")) as unknown as { token: string; url: string }[];
    tokens.push(...seen.filter(({ url }) => url.includes("watch=")).map(({ token }) => token));
    return tokens;
  }).toEqual(expect.arrayContaining(["token-3-of-node1", "token-2-of-node2"]));
});

/** The way from this node to the other one's pods. */
async function routeOf(number: number): Promise<string> {
  const other = `10.244.${3 - number}.0/24`;
  const { stdout } = await bed.lab.exec(nodeOf(bed.lab, number).name, ["ip", "route", "show", other]);
  return stdout;
}
