/** The acts of `tweed demo`: each does something to a lab of three nodes and checks what came of it. */
import { setTimeout as sleep } from "node:timers/promises";
import { TweedError } from "../runtime/error.ts";
import type { Lab } from "./lab.ts";
import { describeMesh } from "./mesh.ts";
import type { LabNode } from "./topology.ts";
import { setCable } from "./underlay.ts";

export interface DemoAct {
  readonly title: string;
  /** @returns what to tell; @throws TweedError `demo` when it did not go as it should */
  readonly play: (lab: Lab) => Promise<string>;
}

const PING_INTERVAL_MS = 10;

export const DEMO_ACTS: readonly DemoAct[] = [
  {
    title: "the leases in the store",
    play: async (lab) => (await lab.tweedInSwitch(["store", "leases"])).trimEnd(),
  },
  {
    title: "every pod pings every other pod, and every node every pod",
    play: async (lab) => {
      const mesh = await lab.ping({ count: 10, intervalMs: 20 });
      if (mesh.lost > 0) fail(describeMesh(mesh));
      return describeMesh(mesh);
    },
  },
  {
    title: "somebody deletes flannel.1 on node2, while pod1 pings pod2",
    play: async (lab) => {
      const [first, second] = twoNodes(lab);
      const { lost } = await pingDuring(lab, first, second, async () => {
        await lab.exec(second.name, ["ip", "link", "delete", "flannel.1"]);
        await sleep(1500);
      });
      const mesh = await lab.ping({ count: 3, intervalMs: 20 });
      if (mesh.lost > 0) fail(`it did not come back: ${describeMesh(mesh)}`);
      if (lost * PING_INTERVAL_MS > 1000) fail(`repair took ${lost * PING_INTERVAL_MS} ms`);
      return `made again with all its peers: ${lost} pings lost, an outage of about ${lost * PING_INTERVAL_MS} ms`;
    },
  },
  {
    title: "the daemon of node1 is killed for 2 s and started again, while pod1 pings pod2",
    play: async (lab) => {
      const [first, second] = twoNodes(lab);
      const { sent, lost } = await pingDuring(lab, first, second, async () => {
        await lab.stopDaemon(first, "SIGKILL");
        await sleep(2000);
        await lab.startDaemon(first);
        await lab.waitUntilReady(first);
      });
      if (lost > 0) fail(`${lost} of ${sent} pings were lost`);
      return `${sent} pings, 0 lost: the kernel carries the traffic, the daemon only steers`;
    },
  },
  {
    title: "the cable of node2 is pulled for 1 s, while pod1 pings pod2",
    play: async (lab) => {
      const [first, second] = twoNodes(lab);
      const { lost } = await pingDuring(lab, first, second, async () => {
        await setCable(lab.spec, second, false);
        await sleep(1000);
        await setCable(lab.spec, second, true);
        await sleep(1500);
      });
      const mesh = await lab.ping({ count: 3, intervalMs: 20 });
      if (mesh.lost > 0) fail(`it did not come back: ${describeMesh(mesh)}`);
      return `${lost} pings lost, an outage of about ${lost * PING_INTERVAL_MS} ms; healed`;
    },
  },
  ...["host-gw", "udp", "vxlan"].map(switchAct),
];

/** Peers hear of each other within some 50 ms; a second is plenty for three nodes. */
const SWITCH_MS = 1500;
/** Between the moments at which the two ends turn, strict filters on the way may drop what comes another way. */
const MOST_LOST_IN_SWITCH = 5;

function switchAct(type: string): DemoAct {
  return {
    title: `the network configuration is switched to ${type}, while pod1 pings pod2`,
    play: async (lab) => {
      const [first, second] = twoNodes(lab);
      const { sent, lost } = await pingDuring(lab, first, second, async () => {
        await lab.configure({ Type: type });
        await sleep(SWITCH_MS);
      });
      const mesh = await lab.ping({ count: 3, intervalMs: 20 });
      if (mesh.lost > 0) fail(`not everybody is reached by ${type}: ${describeMesh(mesh)}`);
      if (lost > MOST_LOST_IN_SWITCH) fail(`${lost} of ${sent} pings were lost`);
      return `${sent} pings, ${lost} lost; no daemon was restarted`;
    },
  };
}

/** So that there are answers before something happens. */
const LEAD_MS = 100;

async function pingDuring(
  lab: Lab,
  from: LabNode,
  to: LabNode,
  happening: () => Promise<void>,
): Promise<{ sent: number; lost: number }> {
  const stream = await lab.startPings(from, to, PING_INTERVAL_MS);
  try {
    await sleep(LEAD_MS);
    await happening();
  } catch (error) {
    await stream.stop();
    throw error;
  }
  const [result] = await stream.stop();
  if (result === undefined || result.received === 0) fail("no ping was answered");
  return result;
}

function twoNodes(lab: Lab): readonly [LabNode, LabNode] {
  const [first, second] = lab.nodes;
  return first !== undefined && second !== undefined
    ? [first, second]
    : fail("the lab has less than two nodes");
}

function fail(reason: string): never {
  throw new TweedError({ code: "demo", operation: "play the demo", reason });
}
