/** Pods that the real CNI plugins made, through the configuration that the daemons wrote: who reaches whom, and as whom. */
import { resolve } from "node:path";
import { afterEach, expect, test } from "vitest";
import { addToNetwork, readResult, removeFromNetwork } from "../../src/lab/cni-runtime.ts";
import { Lab } from "../../src/lab/lab.ts";
import { describeMesh } from "../../src/lab/mesh.ts";
import { createNamespace, inNamespace } from "../../src/lab/namespaces.ts";
import type { LabNode, LabSpec } from "../../src/lab/topology.ts";
import { type DualIp, parseCidr } from "../../src/net/index.ts";
import { run } from "../../src/runtime/program.ts";
import { DaemonProcess } from "../support/daemon-process.ts";
import { eventually } from "../support/eventually.ts";
import { TWEED } from "../support/test-lab.ts";

const NAME = "e2ecni";
const NODES = 4;
const COUNT = 20;
const TELLER = [process.execPath, resolve("test/support/source-teller.mjs")];
const HOST_PORT = 7777;
/** Where a pod's teller answers. */
const POD_PORT = 7000;

const CASES: readonly Pick<LabSpec, "backend" | "families">[] = ["vxlan", "host-gw", "udp"].flatMap((Type) =>
  (["v4", "dual"] as const).map((families) => ({ backend: { Type }, families })),
);

let tellers: DaemonProcess[] = [];
afterEach(async () => {
  await Promise.all(tellers.map((teller) => teller.stop()));
  tellers = [];
  await Lab.down(NAME);
});

test.each(CASES.map((spec) => [`${spec.backend.Type} ${spec.families}`, spec] as const))(
  "everybody reaches everybody, and nobody under another address: %s",
  async (_title, spec) => {
    // Masquerading is on, so that an address which nobody changes says something.
    const lab = await Lab.up(
      { ...spec, name: NAME, nodes: NODES, store: "kubernetes" },
      { tweed: TWEED, extraFlags: ["--ip-masq"] },
    );
    const families = spec.families === "dual" ? 2 : 1;
    const mesh = await lab.ping({ count: COUNT, intervalMs: 10 });
    expect(mesh.lost, describeMesh(mesh)).toBe(0);
    expect(mesh.pairs).toHaveLength((NODES * (NODES - 1) + NODES * NODES) * families);

    await Promise.all(lab.nodes.map((node) => expectOwnNodeReached(lab, node)));
    await expectOwnSources(lab);
    await Promise.all(lab.nodes.map((node) => expectHairpin(lab, node)));
  },
);

/** The pod pings the addresses of its own node: those of the underlay, and its gateways. */
async function expectOwnNodeReached(lab: Lab, node: LabNode): Promise<void> {
  const gateways = (await readResult(node, { name: node.podName }))?.ips.map(({ gateway }) => gateway) ?? [];
  const ips = [...present(node.underlay), ...gateways];
  expect(ips).toHaveLength(lab.spec.families === "dual" ? 4 : 2);
  const command = [...TWEED, "probe", `--count=${COUNT}`, "--interval-ms=10", "--json", ...ips];
  const { stdout } = await lab.exec(node.podName, command);
  const results = JSON.parse(stdout) as { lost: number; sent: number }[];
  expect(results.map(({ lost, sent }) => `${lost} of ${sent}`)).toEqual(ips.map(() => `0 of ${COUNT}`));
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
