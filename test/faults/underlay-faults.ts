/** Faults of the network below: partitions, cables, loss, duplicates and reordering. */
import { ipBatch } from "../../src/lab/namespaces.ts";
import { type LabNode, type LabSpec, switchIp } from "../../src/lab/topology.ts";
import { setCable } from "../../src/lab/underlay.ts";
import { run } from "../../src/runtime/program.ts";
import type { KernelFeature } from "../smoke/kernel-feature.ts";
import { shuffled } from "../support/seeded-random.ts";
import { type Fault, lasting, type Stage } from "./fault.ts";
import { dropFrom, dropNothing, dropPercent, underlayMac } from "./ingress-drop.ts";

const LASTS_MS = 3000;
const LOSS_PERCENT = 20;
const NETEM_WORDS = ["delay", "5ms", "reorder", "50%", "duplicate", "20%"];

export const NETEM: KernelFeature = {
  name: "netem",
  trial: ["tc", "qdisc", "add", "dev", "lo", "root", "netem", ...NETEM_WORDS],
};

/** Half of the nodes no longer receive from the others; all reach the store. */
async function partition({ lab, random, sleep }: Stage): Promise<void> {
  const nodes = shuffled(lab.nodes, random);
  const halves = [nodes.slice(0, nodes.length / 2), nodes.slice(nodes.length / 2)] as const;
  const cut = async (half: readonly LabNode[], other: readonly LabNode[]) => {
    const macs = await Promise.all(other.map(underlayMac));
    await Promise.all(half.map((node) => dropFrom(node, macs)));
  };
  const begin = async () => {
    await Promise.all([cut(halves[0], halves[1]), cut(halves[1], halves[0])]);
  };
  const end = async () => {
    await Promise.all(nodes.map(dropNothing));
  };
  await lasting({ sleep }, LASTS_MS, begin, end);
}

/** A device that is set down loses its routes; whoever configures the host adds the default route again. */
async function setUp(spec: LabSpec, node: LabNode): Promise<void> {
  const { v4 } = switchIp(spec);
  await ipBatch(node.namespace, ["link set eth0 up", `route replace default via ${v4} dev eth0`]);
}

const netem = (node: LabNode, words: readonly string[]) =>
  run("tc", ["-n", node.namespace, "qdisc", ...words]).then(() => {});

export const UNDERLAY_FAULTS: readonly Fault[] = [
  {
    title: `underlay partitioned for ${LASTS_MS / 1000} s`,
    hits: "underlay",
    isWide: true,
    inflict: partition,
  },
  {
    title: `cable unplugged for ${LASTS_MS / 1000} s`,
    hits: "underlay",
    inflict: (stage) =>
      lasting(
        stage,
        LASTS_MS,
        () => setCable(stage.lab.spec, stage.victim, false),
        () => setCable(stage.lab.spec, stage.victim, true),
      ),
  },
  {
    title: `underlay device down for ${LASTS_MS / 1000} s`,
    hits: "underlay",
    inflict: (stage) =>
      lasting(
        stage,
        LASTS_MS,
        () => ipBatch(stage.victim.namespace, ["link set eth0 down"]),
        () => setUp(stage.lab.spec, stage.victim),
      ),
  },
  {
    title: `${LOSS_PERCENT}% loss by a firewall for ${LASTS_MS / 1000} s`,
    hits: "underlay",
    inflict: (stage) =>
      lasting(
        stage,
        LASTS_MS,
        () => dropPercent(stage.victim, LOSS_PERCENT),
        () => dropNothing(stage.victim),
      ),
  },
  {
    title: `duplicates and reordering for ${LASTS_MS / 1000} s`,
    hits: "underlay",
    needs: [NETEM],
    inflict: (stage) =>
      lasting(
        stage,
        LASTS_MS,
        () => netem(stage.victim, ["add", "dev", "eth0", "root", "netem", ...NETEM_WORDS]),
        () => netem(stage.victim, ["delete", "dev", "eth0", "root"]),
      ),
  },
];
