/**
 * Pods that the real CNI plugins made, through the configuration that the daemons wrote: who reaches whom, and as whom. An
 * ordinary run has one cluster of three nodes in each family, which goes through the backends; the long run alone has a
 * new cluster of four nodes for each.
 */
import { resolve } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { addToNetwork, readResult, removeFromNetwork } from "../../src/lab/cni-runtime.ts";
import type { Lab } from "../../src/lab/lab.ts";
import { describeMesh, pingMesh } from "../../src/lab/mesh.ts";
import { createNamespace, deleteNamespaces, inNamespace } from "../../src/lab/namespaces.ts";
import type { LabNode, LabSpec } from "../../src/lab/topology.ts";
import { type DualIp, parseCidr, parseIp } from "../../src/net/index.ts";
import { run } from "../../src/runtime/program.ts";
import { waitForCarrier } from "../support/carriers.ts";
import { DaemonProcess } from "../support/daemon-process.ts";
import { eventually } from "../support/eventually.ts";
import { isLongRun, useLab } from "../support/test-lab.ts";

const NAME = "e2ecni";
const NODES = isLongRun ? 4 : 3;
/** Few enough to wait in the queues of a daemon that a busy machine does not let run. */
const COUNT = 10;
const TELLER = [process.execPath, resolve("test/support/source-teller.mjs")];
const HOST_PORT = 7777;
/** Where a pod's teller answers. */
const POD_PORT = 7000;

interface Turn {
  readonly type: string;
  /** What carries every pair afterwards. */
  readonly device: string;
}

interface Cluster {
  readonly families: LabSpec["families"];
  /** What it is configured to, one after the other. */
  readonly turns: readonly Turn[];
}

const TURNS: readonly Turn[] = [
  { type: "vxlan", device: "flannel.1" },
  { type: "host-gw", device: "eth0" },
  { type: "udp", device: "flannel0" },
];

const CLUSTERS: readonly Cluster[] = (["v4", "dual"] as const).flatMap((families) =>
  isLongRun ? TURNS.map((turn) => ({ families, turns: [turn] })) : [{ families, turns: TURNS }],
);

let tellers: DaemonProcess[] = [];
afterEach(async () => {
  await Promise.all(tellers.map((teller) => teller.stop()));
  tellers = [];
});

describe.each(CLUSTERS)("$families", ({ families, turns }) => {
  // Masquerading is on, so that an address which nobody changes says something.
  const backend = { Type: turns[0]?.type ?? "" };
  const bed = useLab({ name: NAME, nodes: NODES, store: "kubernetes", families, backend }, ["--ip-masq"]);

  test.each(turns)(
    "everybody reaches everybody, and nobody under another address: $type",
    async ({ type, device }) => {
      const { lab } = bed;
      await lab.configure({ Type: type });
      await waitForCarrier(lab, device);
      const mesh = await lab.ping({ count: COUNT, intervalMs: 10 });
      expect(mesh.lost, describeMesh(mesh)).toBe(0);
      const lanes = families === "dual" ? 2 : 1;
      expect(mesh.pairs).toHaveLength((NODES * (NODES - 1) + NODES * NODES) * lanes);

      await Promise.all(lab.nodes.map((node) => expectOwnNodeReached(lab, node)));
      await expectOwnSources(lab);
      await Promise.all(lab.nodes.map((node) => expectHairpin(lab, node)));
    },
  );
});

/** The pod pings the addresses of its own node: those of the underlay, and its gateways. */
async function expectOwnNodeReached(lab: Lab, node: LabNode): Promise<void> {
  const gateways =
    (await readResult(node, { name: node.podName }))?.ips.map(({ gateway }) => parseIp(gateway)) ?? [];
  const ips = [...present(node.underlay), ...gateways];
  expect(ips).toHaveLength(lab.spec.families === "dual" ? 4 : 2);
  const pings = await pingMesh(
    [{ name: node.podName, namespace: node.podNamespace }],
    ips.map((ip) => ({ name: node.name, ip })),
    { count: COUNT, intervalMs: 10, timeoutMs: 10_000 },
  );
  expect(pings.lost, describeMesh(pings)).toBe(0);
  expect(pings.sent).toBe(ips.length * COUNT);
}

/** Every pod asks every other one who it seems to be. */
async function expectOwnSources(lab: Lab): Promise<void> {
  const pods = await Promise.all(
    lab.nodes.map(async (node) => ({
      namespace: node.podNamespace,
      name: node.podName,
      ips: present(await lab.podIps(node)),
    })),
  );
  await Promise.all(pods.map(({ namespace, ips }) => serve(namespace, ips)));
  await Promise.all(
    pods.map(async ({ name, namespace, ips }) => {
      const questions = pods
        .filter((other) => other.name !== name)
        .flatMap((other) => other.ips.map((to, index) => ({ from: ips[index], to })));
      expect(await ask(namespace, questions)).toEqual(questions.map(({ from }) => from));
    }),
  );
}

/**
 * A pod with a port of its node's asks itself through that port: the datagram leaves the bridge where it came in, which
 * takes hairpin mode, and portmap gives it the gateway's address so that the answer comes back the same way.
 */
async function expectHairpin(lab: Lab, node: LabNode): Promise<void> {
  const pod = {
    name: `hairpin-${node.name}`,
    namespace: `${node.podNamespace}h`,
    portMappings: [{ hostPort: HOST_PORT, containerPort: POD_PORT, protocol: "udp" }],
  } as const;
  await createNamespace(pod.namespace);
  const result = await addToNetwork(node, pod);
  const ips = result.ips.map(({ address }) => parseCidr(address).ip);
  await serve(pod.namespace, ips);
  const questions = present(node.underlay).map((to, index) => ({ from: ips[index], to, port: HOST_PORT }));
  expect(await ask(pod.namespace, questions)).toEqual(result.ips.map(({ gateway }) => gateway));
  await removeFromNetwork(node, pod);
  await deleteNamespaces([pod.namespace]);
  const { stdout } = await lab.exec(node.name, ["ip", "-o", "link", "show", "master", "cni0"]);
  expect(stdout.trim().split("\n"), "only the pod of the lab is left on the bridge").toHaveLength(1);
}

function present({ v4, v6 }: DualIp) {
  return [v4, v6].filter((ip) => ip !== null);
}

async function serve(namespace: string, addresses: readonly string[]): Promise<void> {
  const teller = DaemonProcess.start(namespace, [...TELLER, "serve", JSON.stringify({ addresses })]);
  tellers.push(teller);
  await eventually(() => teller.output).toContain("ready");
}

/** For each question the address that the other end saw, or null. */
async function ask(namespace: string, questions: readonly object[]): Promise<unknown> {
  const command = [...TELLER, "ask", JSON.stringify(questions)];
  return JSON.parse(await run("ip", inNamespace(namespace, command)));
}
