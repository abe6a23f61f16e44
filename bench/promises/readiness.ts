/** Readiness lost and regained: the time from a cause to the answer of /readyz. */
import { mkdir, rm } from "node:fs/promises";
import { HEALTH_PORT } from "../../src/lab/daemon.ts";
import { readHealthPage } from "../../src/lab/health-page.ts";
import { Lab } from "../../src/lab/lab.ts";
import { ipBatch } from "../../src/lab/namespaces.ts";
import {
  type LabNode,
  type LabSpec,
  labDirectory,
  labNetworkConfig,
  labNode,
  UNDERLAY_LENGTH,
} from "../../src/lab/topology.ts";
import { buildSwitch, connectNode } from "../../src/lab/underlay.ts";
import { replaceFile } from "../../src/runtime/atomic-file.ts";
import { nodeFiles } from "../../src/runtime/node-files.ts";
import { runDaemon } from "../control/daemon-run.ts";
import { LAB_NAME } from "./bench-lab.ts";
import { type Bench, type PromiseGroup, roundsOf } from "./group.ts";
import { timeUntil } from "./wait.ts";

/** Bound for a cause that the daemon itself detects. */
const LOST_BOUND_MS = 8000;
/** The daemon polls a store of files every 5 s, and retries a failure within 10 s. */
const REGAINED_BOUND_MS = 20_000;
const ADDRESS_BOUND_MS = 5000;

const SPEC: LabSpec = {
  name: LAB_NAME,
  nodes: 1,
  backend: { Type: "vxlan" },
  store: "file",
  families: "dual",
};
const STORE = `${labDirectory(LAB_NAME)}/store`;
/** The whole network is one subnet, so one holder blocks all others. */
const ONE_SUBNET = {
  SubnetMin: "10.244.7.0",
  SubnetMax: "10.244.7.0",
  IPv6SubnetMin: "fd00:10:244:7::",
  IPv6SubnetMax: "fd00:10:244:7::",
};
const LEASE_FILE = `${STORE}/subnets/10.244.7.0-24&fd00:10:244:7::-64.json`;

export const readiness: PromiseGroup = {
  name: "readiness",
  async measure(bench) {
    const node = labNode(SPEC, 1);
    await Lab.down(LAB_NAME);
    try {
      await mkdir(node.directory, { recursive: true });
      await buildSwitch(SPEC);
      await connectNode(SPEC, node);
      const config = { ...labNetworkConfig(SPEC), ...ONE_SUBNET };
      await replaceFile(nodeFiles, `${STORE}/config.json`, JSON.stringify(config), { mode: 0o644 });
      const { pid } = await runDaemon(SPEC, node, bench.program);
      for (let round = 0; round < roundsOf(bench, 0.6); round++) {
        for (const fault of faultsOf(node, pid)) await measureFault(bench, node, fault);
      }
    } finally {
      await Lab.down(LAB_NAME);
    }
  },
};

interface Fault {
  readonly detail: string;
  readonly lostBoundMs: number;
  readonly regainedBoundMs: number;
  readonly begin: () => Promise<unknown>;
  readonly end: () => Promise<unknown>;
}

/** `begin` writes what another program would, `end` the original state. */
function faultsOf(node: LabNode, pid: number): readonly Fault[] {
  const { namespace, underlay } = node;
  return [
    {
      detail: "another device has the VNI",
      lostBoundMs: LOST_BOUND_MS,
      regainedBoundMs: REGAINED_BOUND_MS,
      async begin() {
        // Stopped, so that it cannot react before the other device takes its VNI.
        process.kill(pid, "SIGSTOP");
        await ipBatch(namespace, [
          "link delete flannel.1",
          `link add thief type vxlan id 1 dev eth0 local ${underlay.v4} dstport 8472`,
          "link set thief up",
        ]);
        process.kill(pid, "SIGCONT");
      },
      end: () => ipBatch(namespace, ["link delete thief"]),
    },
    {
      detail: "another node has the only subnet",
      lostBoundMs: LOST_BOUND_MS,
      regainedBoundMs: REGAINED_BOUND_MS,
      begin: () => replaceFile(nodeFiles, LEASE_FILE, OTHERS_LEASE, { mode: 0o644 }),
      end: () => rm(LEASE_FILE),
    },
    {
      detail: "eth0 has no IPv6 address",
      lostBoundMs: ADDRESS_BOUND_MS,
      regainedBoundMs: ADDRESS_BOUND_MS,
      begin: () => ipBatch(namespace, [`address delete ${underlay.v6}/${UNDERLAY_LENGTH.v6} dev eth0`]),
      end: () => ipBatch(namespace, [`address add ${underlay.v6}/${UNDERLAY_LENGTH.v6} dev eth0 nodad`]),
    },
  ];
}

const OTHERS_LEASE = JSON.stringify({
  PublicIP: "198.18.1.77",
  PublicIPv6: "fd00:198:18::77",
  BackendType: "host-gw",
  Owner: "somebody",
  ClaimedAt: "1",
  ExpiresAt: "2100-01-01T00:00:00Z",
});

async function measureFault(
  { signal, note }: Bench,
  node: LabNode,
  { detail, lostBoundMs, regainedBoundMs, begin, end }: Fault,
): Promise<void> {
  const answers = (status: number) => async () =>
    (await readHealthPage(node.namespace, HEALTH_PORT, "/readyz")).status === status;
  const lostMs = await timeUntil(`readiness is lost: ${detail}`, begin, answers(503), signal);
  note({ topic: "a cause to readiness lost", detail, boundMs: lostBoundMs }, lostMs);
  const regainedMs = await timeUntil(`readiness is regained: ${detail}`, end, answers(200), signal);
  note({ topic: "the end of a cause to readiness regained", detail, boundMs: regainedBoundMs }, regainedMs);
}
