/**
 * What an API server in trouble costs a cluster: no packet, few requests, and at most ten seconds once it is over. An
 * ordinary run waits for seconds; TWEED_LONG=1 for as long as the project promises.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { tellKubeApi } from "../../src/lab/kube-api-process.ts";
import { inNamespace } from "../../src/lab/namespaces.ts";
import { type LabSpec, switchNamespace } from "../../src/lab/topology.ts";
import type { JsonObject } from "../../src/runtime/json.ts";
import { run } from "../../src/runtime/program.ts";
import { eventually } from "../support/eventually.ts";
import { prefixed } from "../support/kube-api/kube-bed.ts";
import { PodTraffic, type Reading } from "../support/pod-traffic.ts";
import { isLongRun, useLab } from "../support/test-lab.ts";

const NAME = "kubeout";
const SPEC: LabSpec = {
  name: NAME,
  nodes: 3,
  backend: { Type: "vxlan" },
  store: "kubernetes",
  families: "v4",
};
const RIGHT_WITHIN_MS = 10_000;
/** One request of a daemon in so long, on average. */
const REQUEST_EVERY_MS = 10_000;

interface Scenario {
  readonly title: string;
  readonly lastsMs: number;
  readonly begin: () => Promise<unknown>;
  readonly end: () => Promise<unknown>;
  /** Where no request gets through there are attempts to connect, which are counted instead. */
  readonly isUnreachable?: boolean;
  /** It lasts long enough for every daemon to notice. */
  readonly isAsked?: boolean;
}

const tell = (act: string, details: JsonObject = {}) => tellKubeApi(NAME, act, details);
const nothing = async () => {};
const seconds = (short: number, long: number) => (isLongRun ? long : short) * 1000;

/** Watches that are under way would not notice it. */
const refuse = (details: JsonObject) => async () => {
  await tell("refuse", details);
  await tell("cut");
};

const SCENARIOS: readonly Scenario[] = [
  {
    title: "is stopped",
    lastsMs: seconds(8, 300),
    isAsked: true,
    begin: () => tell("close"),
    end: () => tell("open"),
    isUnreachable: true,
  },
  {
    title: "answers 429",
    lastsMs: seconds(12, 120),
    isAsked: true,
    begin: refuse({ status: 429, retryAfter: "1" }),
    end: () => tell("accept"),
  },
  {
    title: "answers 503",
    lastsMs: seconds(12, 120),
    isAsked: true,
    begin: refuse({ status: 503 }),
    end: () => tell("accept"),
  },
  {
    title: "says nothing more on its watches",
    lastsMs: seconds(9, 120),
    begin: () => tell("stall", { what: "watches" }),
    end: () => tell("flow"),
  },
  {
    title: "is behind a path that swallows every packet",
    lastsMs: seconds(12, 120),
    begin: async () => {
      // Watches go over connections of their own from now on, which nothing was asked over before.
      await tell("cut");
      await eventually(async () => Math.min(...(await countConnections()))).toBeGreaterThan(0);
      await sleep(500);
      await inSwitch(["nft", "-f", "-"], COUNTERS);
      await inSwitch(["nft", "add rule inet kubeout in tcp dport 6443 drop"]);
    },
    end: () => inSwitch(["nft", "-f", "-"], COUNTERS),
    isUnreachable: true,
  },
  { title: "has forgotten its history", lastsMs: 0, begin: () => tell("expire"), end: nothing },
  {
    title: "takes another token only",
    lastsMs: 0,
    begin: async () => {
      for (const { name } of bed.lab.nodes) await tell("rotate", { name });
      await tell("cut");
    },
    end: nothing,
  },
];

/** Remembers each connection that a node tries to open, however often the kernel repeats itself. */
const COUNTERS = `
table inet kubeout
delete table inet kubeout
table inet kubeout {
  set attempts { type ipv4_addr . inet_service; flags dynamic; size 65535; }
  chain in {
    type filter hook input priority 0;
    tcp dport 6443 tcp flags syn add @attempts { ip saddr . tcp sport }
  }
}
`;

const bed = useLab(SPEC);
let traffic: PodTraffic;
beforeAll(async () => {
  await inSwitch(["nft", "-f", "-"], COUNTERS);
  traffic = await PodTraffic.start(bed.lab);
});
afterAll(async () => {
  const { streams } = await traffic.stop();
  console.log(figures.join("\n"));
  expect(streams.filter(({ fault }) => fault !== null)).toEqual([]);
});
afterEach(async () => {
  for (const act of ["open", "flow", "accept"]) await tell(act).catch(() => undefined);
  await inSwitch(["nft", "-f", "-"], COUNTERS);
});
const figures: string[] = [];
let lastPeer: number | null = null;

test.each(SCENARIOS.map((scenario, index) => ({ ...scenario, index })))(
  "an API server that $title for $lastsMs ms",
  async ({ title, lastsMs, begin, end, isUnreachable = false, isAsked = false, index }) => {
    await tell("seen");
    await inSwitch(["nft", "-f", "-"], COUNTERS);
    let requests: readonly number[] = [];
    let rightMs = 0;
    const reading = await traffic.during(async () => {
      await begin();
      await sleep(lastsMs);
      requests = isUnreachable ? await countConnections() : await countRequests();
      // The administrator is served meanwhile, where anybody can be.
      if (!isUnreachable) await changePeers(index);
      await end();
      const endedMs = performance.now();
      if (isUnreachable) await changePeers(index);
      await eventually(readPeers).toEqual(bed.lab.nodes.map(() => [peerSubnet(index)]));
      rightMs = performance.now() - endedMs;
    });
    figures.push(describe(title, lastsMs, requests, rightMs, reading));
    expect(reading.pings.map(({ pair, lost }) => [pair, lost])).toEqual(
      reading.pings.map(({ pair }) => [pair, 0]),
    );
    expect(reading.pings.every(({ sent }) => sent >= (lastsMs / 10) * 0.9)).toBe(true);
    expect(reading.streams.filter(({ fault }) => fault !== null)).toEqual([]);
    const most = Math.ceil(lastsMs / REQUEST_EVERY_MS);
    if (isAsked) expect(Math.min(...requests), figures.at(-1)).toBeGreaterThan(0);
    if (lastsMs > 0) expect(Math.max(...requests), figures.at(-1)).toBeLessThanOrEqual(most);
    expect(rightMs, figures.at(-1)).toBeLessThanOrEqual(RIGHT_WITHIN_MS);
  },
  seconds(12, 300) + 120_000,
);

function describe(
  title: string,
  lastsMs: number,
  requests: readonly number[],
  rightMs: number,
  { pings, streams }: Reading,
): string {
  const total = (field: "sent" | "lost") => pings.reduce((sum, ping) => sum + ping[field], 0);
  const silenceMs = Math.max(...streams.map((stream) => stream.silenceMs));
  return (
    `API server ${title}, ${lastsMs / 1000} s: ${total("sent")} pings, ${total("lost")} lost; TCP silent for ` +
    `${silenceMs} ms at most; requests by daemon ${requests.join(", ")}; right ${Math.round(rightMs)} ms after`
  );
}

const peerName = (index: number) => `peer${index}`;
const peerSubnet = (index: number) => `10.244.${200 + index}.0/24`;

/** Another peer comes, and the one before goes. */
async function changePeers(index: number): Promise<void> {
  const annotations = prefixed({
    "kube-subnet-manager": "true",
    "backend-type": "vxlan",
    "backend-data": `{"VNI":1,"VtepMAC":"5a:00:00:00:02:${String(index).padStart(2, "0")}"}`,
    "public-ip": `198.18.2.${index + 1}`,
  });
  await tell("add", { name: peerName(index), podCidr: peerSubnet(index), annotations });
  if (lastPeer !== null) await tell("remove", { name: peerName(lastPeer) });
  lastPeer = index;
}

/** The subnets of such peers that each node has a route to. */
function readPeers(): Promise<string[][]> {
  return Promise.all(
    bed.lab.nodes.map(async ({ name }) => {
      const { stdout } = await bed.lab.exec(name, ["ip", "-4", "route"]);
      return Array.from(stdout.matchAll(/^10\.244\.2\d\d\.0\/24/gm), ([subnet]) => subnet);
    }),
  );
}

/** Since this was asked last, by daemon. */
async function countRequests(): Promise<number[]> {
  const seen = (await tell("seen")) as unknown as { readonly token: string }[];
  return bed.lab.nodes.map(({ name }) => seen.filter(({ token }) => token.endsWith(`-of-${name}`)).length);
}

async function countConnections(): Promise<number[]> {
  const text = await inSwitch(["nft", "list", "table", "inet", "kubeout"]);
  return bed.lab.nodes.map(({ underlay }) => text.split(`${underlay.v4} . `).length - 1);
}

function inSwitch(command: readonly string[], input = ""): Promise<string> {
  return run("ip", inNamespace(switchNamespace(NAME), command), { input });
}
