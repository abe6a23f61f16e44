/** Faults of the API server of a whole cluster: time from the end of the fault until every node is correct. */
import type { LinuxKernel } from "../../src/kernel/linux-kernel.ts";
import { tellKubeApi } from "../../src/lab/kube-api-process.ts";
import type { Lab } from "../../src/lab/lab.ts";
import { inNamespace } from "../../src/lab/namespaces.ts";
import { switchNamespace } from "../../src/lab/topology.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import type { JsonObject } from "../../src/runtime/json.ts";
import { run } from "../../src/runtime/program.ts";
import { LAB_NAME, withKernels, withLab } from "./bench-lab.ts";
import { type Bench, type PromiseGroup, roundsOf } from "./group.ts";
import { silenceDuring } from "./silence.ts";
import { until } from "./wait.ts";

/** The daemon retries a failed server every 10 s. */
const BOUND_MS = 10_000;
const FAULT_MS = 4000;

interface Fault {
  readonly detail: string;
  readonly lastsMs: number;
  readonly begin: (lab: Lab) => Promise<unknown>;
  readonly end: (lab: Lab) => Promise<unknown>;
}

const tell = (act: string, details: JsonObject = {}) => tellKubeApi(LAB_NAME, act, details);
const refusing = (details: JsonObject) => async () => {
  await tell("refuse", details);
  await tell("cut");
};

const FAULTS: readonly Fault[] = [
  { detail: "was stopped", lastsMs: FAULT_MS, begin: () => tell("close"), end: () => tell("open") },
  {
    detail: "answered 429",
    lastsMs: FAULT_MS,
    begin: refusing({ status: 429, retryAfter: "1" }),
    end: () => tell("accept"),
  },
  {
    detail: "answered 503",
    lastsMs: FAULT_MS,
    begin: refusing({ status: 503 }),
    end: () => tell("accept"),
  },
  {
    detail: "said nothing more on its watches",
    lastsMs: FAULT_MS,
    begin: () => tell("stall", { what: "watches" }),
    end: () => tell("flow"),
  },
  {
    detail: "was behind a path that swallowed every packet",
    lastsMs: FAULT_MS,
    begin: async () => {
      await nft("add table inet promises");
      await nft("add chain inet promises in { type filter hook input priority 0; }");
      await nft("add rule inet promises in tcp dport 6443 drop");
    },
    end: () => nft("delete table inet promises"),
  },
  { detail: "forgot its history", lastsMs: 0, begin: async () => {}, end: () => tell("expire") },
  {
    detail: "took another token only",
    lastsMs: 0,
    begin: async () => {},
    end: async ({ nodes }) => {
      for (const { name } of nodes) await tell("rotate", { name });
      await tell("cut");
    },
  },
];

export const apiServer: PromiseGroup = {
  name: "api-server",
  async measure(bench) {
    const spec = { nodes: 3, backend: { Type: "vxlan" }, store: "kubernetes", families: "v4" } as const;
    await withLab(bench, spec, (lab) =>
      withKernels(lab.nodes, async (kernels) => {
        for (let turn = 0; turn < roundsOf(bench, 0.4) * FAULTS.length; turn++) {
          const fault = FAULTS[turn % FAULTS.length];
          if (fault !== undefined) await measureFault(bench, lab, kernels, fault, turn);
        }
      }),
    );
  },
};

async function measureFault(
  bench: Bench,
  lab: Lab,
  kernels: readonly LinuxKernel[],
  { detail, lastsMs, begin, end }: Fault,
  turn: number,
): Promise<void> {
  let rightMs = 0;
  const silenceMs = await silenceDuring(bench, lab, async () => {
    await begin(lab);
    await systemClock.sleep(lastsMs, bench.signal);
    const startedMs = performance.now();
    await end(lab);
    await addPeer(turn);
    const know = async () => (await Promise.all(kernels.map((kernel) => knows(kernel, turn)))).every(Boolean);
    await until(`every node has the new peer after the API server ${detail}`, know, bench.signal, 10);
    rightMs = performance.now() - startedMs;
  });
  const right = { topic: "the API server's trouble over to every node right", boundMs: BOUND_MS };
  bench.note({ ...right, detail }, rightMs);
  bench.note({ topic: "silence while the API server is in trouble", detail, boundMs: 0 }, silenceMs);
}

const subnetOf = (turn: number) => `10.244.${10 + (turn % 240)}.0/24`;

async function addPeer(turn: number): Promise<void> {
  const mac = `02:00:00:00:02:${(turn + 1).toString(16).padStart(2, "0")}`;
  const annotations = {
    "backend-type": "vxlan",
    "backend-data": JSON.stringify({ VNI: 1, VtepMAC: mac }),
    "kube-subnet-manager": "true",
    "public-ip": `198.18.2.${turn + 1}`,
  };
  const prefixed = Object.entries(annotations).map(([name, value]) => [
    `flannel.alpha.coreos.com/${name}`,
    value,
  ]);
  const details = { name: `peer${turn}`, podCidr: subnetOf(turn), annotations: Object.fromEntries(prefixed) };
  await tell("add", details);
}

async function knows(kernel: LinuxKernel, turn: number): Promise<boolean> {
  return (await kernel.observe()).routes.some(({ dst }) => dst === subnetOf(turn));
}

function nft(command: string): Promise<string> {
  return run("ip", inNamespace(switchNamespace(LAB_NAME), ["nft", command]));
}
