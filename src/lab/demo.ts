/** The acts of `tweed demo`: each changes or damages a lab of three nodes and checks the result. */
import { systemClock } from "../runtime/clock.ts";
import { messageOf, TweedError } from "../runtime/error.ts";
import type { Lab } from "./lab.ts";
import { describeMesh } from "./mesh.ts";
import type { LabNode } from "./topology.ts";
import { setCable } from "./underlay.ts";

export interface DemoAct {
  readonly title: string;
  /** @returns the line to print. @throws TweedError `demo` when the act failed */
  readonly play: (lab: Lab) => Promise<string>;
}

const PING_INTERVAL_MS = 10;
/** After this an act has failed. The time it took is printed only: a busy machine takes longer. */
const DEADLINE_MS = 60_000;

const LOOK_EVERY_MS = 50;

/** Backends that the lab is switched to in order, and the device that each sends by. */
const SWITCHES = [
  { type: "host-gw", device: "eth0" },
  { type: "udp", device: "flannel0" },
  { type: "vxlan", device: "flannel.1" },
] as const;

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
    title: "flannel.1 is deleted on node2, while pod1 pings pod2",
    play: async (lab) => {
      const [first, second] = twoNodes(lab);
      const { lost } = await pingDuring(lab, first, second, async () => {
        await lab.exec(second.name, ["ip", "link", "delete", "flannel.1"]);
        await waitForRecovery(lab);
      });
      return `recreated with all its peers: ${lost} pings lost, an outage of about ${lost * PING_INTERVAL_MS} ms`;
    },
  },
  {
    title: "the daemon of node1 is killed for 2 s and started again, while pod1 pings pod2",
    play: async (lab) => {
      const [first, second] = twoNodes(lab);
      const { sent, lost } = await pingDuring(lab, first, second, async () => {
        await lab.stopDaemon(first, "SIGKILL");
        await systemClock.sleep(2000);
        await lab.startDaemon(first);
        await lab.waitUntilReady(first);
      });
      if (lost > 0) fail(`${lost} of ${sent} pings were lost`);
      return `${sent} pings, 0 lost: the kernel forwards the packets, the daemon only programs it`;
    },
  },
  {
    title: "the cable of node2 is pulled for 1 s, while pod1 pings pod2",
    play: async (lab) => {
      const [first, second] = twoNodes(lab);
      const { lost } = await pingDuring(lab, first, second, async () => {
        await setCable(lab.spec, second, false);
        await systemClock.sleep(1000);
        await setCable(lab.spec, second, true);
        await waitForRecovery(lab);
      });
      return `${lost} pings lost, an outage of about ${lost * PING_INTERVAL_MS} ms; recovered`;
    },
  },
  ...SWITCHES.map(switchAct),
];

function switchAct({ type, device }: (typeof SWITCHES)[number]): DemoAct {
  return {
    title: `the network configuration is switched to ${type}, while pod1 pings pod2`,
    play: async (lab) => {
      const [first, second] = twoNodes(lab);
      const { sent, lost } = await pingDuring(lab, first, second, async () => {
        await lab.configure({ Type: type });
        await waitForRoute(lab, first, second, device);
        await waitForRoute(lab, second, first, device);
        await waitForRecovery(lab);
      });
      return `${sent} pings, ${lost} lost; no daemon was restarted`;
    },
  };
}

/** Waits until all pods reach each other again. */
async function waitForRecovery(lab: Lab): Promise<void> {
  try {
    await lab.waitForMesh(DEADLINE_MS);
  } catch (error) {
    fail(`the mesh did not recover: ${messageOf(error)}`);
  }
}

/** Waits until the route to a pod of the other node leads through the device. */
async function waitForRoute(lab: Lab, from: LabNode, to: LabNode, device: string): Promise<void> {
  const ip = String((await lab.podIps(to)).v4);
  const deadlineMs = systemClock.nowMs() + DEADLINE_MS;
  for (;;) {
    const { stdout } = await lab.exec(from.name, ["ip", "route", "get", ip]);
    if (stdout.includes(`dev ${device} `)) return;
    if (systemClock.nowMs() > deadlineMs) fail(`${from.name} does not send by ${device}: ${stdout.trim()}`);
    await systemClock.sleep(LOOK_EVERY_MS);
  }
}

/** So that there are replies before the disruption. */
const LEAD_MS = 100;

async function pingDuring(
  lab: Lab,
  from: LabNode,
  to: LabNode,
  disrupt: () => Promise<void>,
): Promise<{ sent: number; lost: number }> {
  const stream = await lab.startPings(from, to, PING_INTERVAL_MS);
  try {
    await systemClock.sleep(LEAD_MS);
    await disrupt();
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
