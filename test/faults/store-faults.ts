/** Faults of the store, and of the nodes' way to it. */
import { rename } from "node:fs/promises";
import { type LabNode, labDirectory } from "../../src/lab/topology.ts";
import { type Fault, lasting, type Setting } from "./fault.ts";
import { dropFrom, dropNothing, storeMac } from "./ingress-drop.ts";

const AWAY_MS = 3000;
const hasProcess = ({ store }: Setting) => store !== "file";

export const STORE_FAULTS: readonly Fault[] = [
  {
    title: `store killed for ${AWAY_MS / 1000} s`,
    hits: "store",
    isWide: true,
    appliesTo: hasProcess,
    inflict: (stage) =>
      lasting(
        stage,
        AWAY_MS,
        () => stage.lab.stopStore("SIGKILL"),
        () => stage.lab.startStore(),
      ),
  },
  {
    title: `store killed for ${AWAY_MS / 1000} s, and a daemon meanwhile`,
    hits: "store",
    isWide: true,
    restarts: true,
    appliesTo: hasProcess,
    inflict: async (stage) => {
      const { lab, victim } = stage;
      const begin = async () => {
        await lab.stopStore("SIGKILL");
        await lab.stopDaemon(victim, "SIGKILL");
        await lab.startDaemon(victim);
      };
      await lasting(stage, AWAY_MS, begin, () => lab.startStore());
    },
  },
  {
    title: `store paused for ${AWAY_MS / 1000} s`,
    hits: "store",
    isWide: true,
    appliesTo: hasProcess,
    inflict: (stage) => {
      const pid = stage.lab.storePid;
      return lasting(
        stage,
        AWAY_MS,
        async () => void process.kill(pid, "SIGSTOP"),
        async () => void process.kill(pid, "SIGCONT"),
      );
    },
  },
  {
    title: `one node cut off from the store for ${AWAY_MS / 1000} s`,
    hits: "store",
    appliesTo: hasProcess,
    inflict: async (stage) => {
      const mac = await storeMac(stage.lab.spec);
      await lasting(
        stage,
        AWAY_MS,
        () => dropFrom(stage.victim, [mac]),
        () => dropNothing(stage.victim),
      );
    },
  },
  {
    title: `all nodes cut off from the store for ${AWAY_MS / 1000} s`,
    hits: "store",
    isWide: true,
    appliesTo: hasProcess,
    inflict: async (stage) => {
      const mac = await storeMac(stage.lab.spec);
      const onAll = async (act: (node: LabNode) => Promise<void>) => {
        await Promise.all(stage.lab.nodes.map(act));
      };
      await lasting(
        stage,
        AWAY_MS,
        () => onAll((node) => dropFrom(node, [mac])),
        () => onAll(dropNothing),
      );
    },
  },
  {
    title: `the store's directory away for ${AWAY_MS / 1000} s`,
    hits: "store",
    isWide: true,
    appliesTo: ({ store }) => store === "file",
    inflict: (stage) => {
      const directory = `${labDirectory(stage.lab.spec.name)}/store`;
      return lasting(
        stage,
        AWAY_MS,
        () => rename(directory, `${directory}-away`),
        () => rename(`${directory}-away`, directory),
      );
    },
  },
];
