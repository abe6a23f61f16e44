/** Changes by an operator on a running cluster, and the time until they take effect. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lastGoodConfigFile } from "../../src/agent/configuration/last-good-config.ts";
import { daemonLog, HEALTH_PORT, subnetFile } from "../../src/lab/daemon.ts";
import { readHealthPage } from "../../src/lab/health-page.ts";
import type { Lab } from "../../src/lab/lab.ts";
import { inNamespace, ipBatch, writeSysctls } from "../../src/lab/namespaces.ts";
import { labDirectory, labNetworkConfig } from "../../src/lab/topology.ts";
import { replaceFile } from "../../src/runtime/atomic-file.ts";
import type { JsonObject } from "../../src/runtime/json.ts";
import { nodeFiles } from "../../src/runtime/node-files.ts";
import { run } from "../../src/runtime/program.ts";
import { LAB_NAME, nodeAt, withKernels, withLab } from "./bench-lab.ts";
import type { Bench, PromiseGroup } from "./group.ts";
import { silenceDuring } from "./silence.ts";
import { timeUntil, until } from "./wait.ts";

const VXLAN = { Type: "vxlan" };

export const configuration: PromiseGroup = {
  name: "configuration",
  async measure(bench) {
    const directory = await mkdtemp(join(tmpdir(), "tw-promises-"));
    const exclusions = join(directory, "exclusions");
    const spec = { nodes: 2, backend: VXLAN, store: "file", families: "v4" } as const;
    const use = async (lab: Lab) => {
      await measureOptions(bench, lab);
      await measureRefusal(bench, lab);
      await measureExclusions(bench, lab, exclusions);
      await measureAddress(bench, lab);
      await measureWaiting(bench, lab);
    };
    try {
      await writeFile(exclusions, "");
      await withLab(bench, spec, use, { extraFlags: ["--ip-masq", `--ip-masq-exclude=@${exclusions}`] });
    } finally {
      await rm(directory, { recursive: true });
    }
  },
};

function configure(text: string): Promise<void> {
  return replaceFile(nodeFiles, join(labDirectory(LAB_NAME), "store", "config.json"), text, { mode: 0o644 });
}

function textOf({ spec }: Lab, backend: JsonObject): string {
  return JSON.stringify(labNetworkConfig({ families: spec.families, backend }));
}

const OPTIONS_BOUND_MS = 5000;

/** Switches each option on and off again. */
async function measureOptions({ rounds, signal, note }: Bench, lab: Lab): Promise<void> {
  const changes = [
    { title: "MTU", options: { MTU: 1400 }, shown: '"mtuBytes":1350' },
    { title: "Learning", options: { Learning: true }, shown: '"learning":true' },
    { title: "GBP", options: { GBP: true }, shown: '"gbp":true' },
    { title: "Port", options: { Port: 4789 }, shown: '"port":4789' },
  ];
  await withKernels(lab.nodes, async (kernels) => {
    const show = async (shown: string) => {
      const states = await Promise.all(kernels.map((kernel) => kernel.observe()));
      return states.map(({ links }) => {
        const device = links.find(({ name }) => name === "flannel.1");
        return JSON.stringify(device ?? null).includes(shown);
      });
    };
    for (let round = 0; round < rounds; round++) {
      for (const { title, options, shown } of changes) {
        const write = () => configure(textOf(lab, { ...VXLAN, ...options }));
        const isThere = async () => (await show(shown)).every(Boolean);
        const ms = await timeUntil(`${title} of vxlan changes`, write, isThere, signal);
        note(
          { topic: "an option of vxlan changed to all devices", detail: title, boundMs: OPTIONS_BOUND_MS },
          ms,
        );
        await configure(textOf(lab, VXLAN));
        await until(`${title} is as before`, async () => !(await show(shown)).some(Boolean), signal);
      }
    }
  });
}

const REFUSAL_BOUND_MS = 3000;

async function measureRefusal({ rounds, signal, note }: Bench, lab: Lab): Promise<void> {
  const log = () => readFile(daemonLog(nodeAt(lab, 1)), "utf8");
  for (let round = 0; round < rounds; round++) {
    const known = (await log()).length;
    const write = () => configure(textOf(lab, { Type: `pigeon-${round}` }));
    const isLogged = async () => (await log()).slice(known).includes("network configuration refused");
    const ms = await timeUntil("a configuration is refused", write, isLogged, signal);
    note({ topic: "a wrong configuration to its refusal", detail: "", boundMs: REFUSAL_BOUND_MS }, ms);
  }
  await configure(textOf(lab, VXLAN));
}

/** The file is read every second. */
const EXCLUSIONS_BOUND_MS = 5000;

async function measureExclusions({ rounds, signal, note }: Bench, lab: Lab, file: string): Promise<void> {
  const { namespace } = nodeAt(lab, 1);
  for (let round = 0; round < rounds; round++) {
    const excluded = `172.16.${round}.0/24`;
    const isInForce = async () =>
      (await run("ip", inNamespace(namespace, ["iptables-save", "-t", "nat"]))).includes(`-d ${excluded} `);
    const write = () => replaceFile(nodeFiles, file, `${excluded}\n`, { mode: 0o644 });
    const ms = await timeUntil("an exclusion counts", write, isInForce, signal);
    const topic = "the file of --ip-masq-exclude changed to the rules";
    note({ topic, detail: "", boundMs: EXCLUSIONS_BOUND_MS }, ms);
  }
}

const ADDRESS_BOUND_MS = 5000;

/** The node moves to another address and, in the next round, back. */
async function measureAddress(bench: Bench, lab: Lab): Promise<void> {
  const { namespace } = nodeAt(lab, 2);
  await writeSysctls(namespace, { "net/ipv4/conf/all/promote_secondaries": "1" });
  const ips = ["198.18.1.2", "198.18.1.102"] as const;
  await withKernels([nodeAt(lab, 1)], async ([kernel]) => {
    for (let round = 0; round < bench.rounds; round++) {
      const [from, to] = round % 2 === 0 ? ips : [ips[1], ips[0]];
      const move = async () => {
        const lines = [
          `address add ${to}/16 dev eth0`,
          `address delete ${from}/16 dev eth0`,
          "route replace default via 198.18.0.1 dev eth0",
        ];
        await ipBatch(namespace, lines);
        const isKnown = async () =>
          (await kernel?.observe())?.fdb.some(({ remote }) => remote === to) ?? false;
        await until(`the peer knows ${to}`, isKnown, bench.signal);
      };
      const silenceMs = await silenceDuring(bench, lab, move);
      const topic = "silence of a node whose address changes";
      bench.note({ topic, detail: "", boundMs: ADDRESS_BOUND_MS }, silenceMs);
    }
  });
}

const WAITING_BOUND_MS = 8000;

/** A daemon that was started with an invalid configuration. */
async function measureWaiting({ rounds, signal, note }: Bench, lab: Lab): Promise<void> {
  const node = nodeAt(lab, 1);
  await lab.stopDaemon(node, "SIGTERM");
  const page = () => readHealthPage(node.namespace, HEALTH_PORT, "/readyz");
  for (let round = 0; round < rounds; round++) {
    await configure(textOf(lab, { Type: "pigeon" }));
    // As after a reboot: with the last good configuration it would not wait.
    await rm(lastGoodConfigFile(subnetFile(node)), { force: true });
    await lab.startDaemon(node);
    await until("the node says why it waits", async () => (await page()).body.includes("pigeon"), signal);
    const write = () => configure(textOf(lab, VXLAN));
    const isReady = async () => (await page()).status === 200;
    const ms = await timeUntil("the node is ready", write, isReady, signal);
    const topic = "a right configuration in place of a wrong one to ready";
    note({ topic, detail: "", boundMs: WAITING_BOUND_MS }, ms);
    await lab.stopDaemon(node, "SIGTERM");
  }
}
