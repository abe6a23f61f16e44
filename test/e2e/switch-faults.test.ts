/**
 * What goes wrong in the middle of a change of backend: the same end, no stream broken, and between backends of the
 * kernel no ping lost. The long run alone bounds what changes to and from udp lose, how long a killed userspace backend is
 * out of reach, and goes through the same on Kubernetes, with the store away for 30 s.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LabSpec } from "../../src/lab/topology.ts";
import { disagreements, readCarriers, waitForCarrier } from "../support/carriers.ts";
import { LossTally } from "../support/loss-tally.ts";
import { brokenStreams, lostPairs, PodTraffic, type Reading } from "../support/pod-traffic.ts";
import { setReversePathFilter } from "../support/reverse-path-filter.ts";
import { isLongRun, useLab } from "../support/test-lab.ts";

const STORE_AWAY_MS = isLongRun ? 30_000 : 2000;
const KILLED_MS = 300;
const PING_INTERVAL_MS = 10;
/** From the start of a daemon until its data plane carries again: Node's own start, on a busy machine. */
const MOST_START_MS = 1000;
const TUN = "flannel0";
const HOST_GW = { Type: "host-gw" };
const UDP = { Type: "udp" };
const VXLAN = { Type: "vxlan" };
const OTHER_VXLAN = { Type: "vxlan", VNI: 7, Port: 4789 };

describe("etcd", () => faultsOn("etcd"));
if (isLongRun) describe("Kubernetes", () => faultsOn("kubernetes"));

function faultsOn(store: LabSpec["store"]): void {
  const bed = useLab({ name: `swf${store}`.slice(0, 8), nodes: 3, backend: VXLAN, store, families: "v4" });
  const tally = new LossTally(`faults in the middle of a switch, ${store}`);
  let traffic: PodTraffic;
  /** What carries every pair. */
  let carrier = "flannel.1";

  beforeAll(async () => {
    // A strict one would drop what comes by another way while ends are apart, and a daemon that is away keeps them so.
    await setReversePathFilter(bed.lab.nodes, 2);
    traffic = await PodTraffic.start(bed.lab);
  });
  afterAll(async () => {
    tally.close(await traffic.stop());
    console.log(String(tally));
    tally.expectUnbroken();
    if (isLongRun) tally.expectMostlyNone();
  });

  test("a daemon killed in the middle and started again", async () => {
    await watch("vxlan to host-gw, killed when it is told", "eth0", async () => {
      await bed.lab.configure(HOST_GW);
      await restart(2);
    });
    await watch("host-gw to vxlan, killed when it is told", "flannel.7", async () => {
      const configured = bed.lab.configure(OTHER_VXLAN);
      await restart(3);
      await configured;
    });
    await watch("vxlan to host-gw, killed before it is told", "eth0", async () => {
      await restart(1, () => bed.lab.configure(HOST_GW));
    });
    await watch("host-gw to udp, killed before it is told", TUN, async () => {
      await restart(2, () => bed.lab.configure(UDP));
    });
    await watch("udp to vxlan, killed when it has turned", "flannel.1", async () => {
      await bed.lab.configure(VXLAN);
      await waitForCarrier(bed.lab, "flannel.1");
      await restart(3);
    });
  });

  test("a daemon killed when its packets go by udp already, which it carries itself", async () => {
    const what = "vxlan to udp, killed when it has turned";
    const reading = await traffic.during(async () => {
      await bed.lab.configure(UDP);
      await waitForCarrier(bed.lab, TUN);
      await restart(2);
      await traffic.untilCarried(1);
    });
    carrier = TUN;
    expect(disagreements(await readCarriers(bed.lab))).toEqual([]);
    expect(brokenStreams(reading)).toEqual([]);
    // No kernel carries packets for a data plane that is gone; whoever has nothing to do with it loses nothing.
    const [own, others] = [ofPod(reading, 2, true), ofPod(reading, 2, false)];
    const lostMs = Math.max(...own.pings.map(({ lost }) => lost)) * PING_INTERVAL_MS;
    console.log(`${what}: node2 was out of reach for at most ${lostMs} ms, killed for ${KILLED_MS} ms`);
    tally.add(`${what}, pairs without it`, others);
    if (!isLongRun) return;
    expect(lostMs).toBeLessThan(KILLED_MS + MOST_START_MS);
    const rest = new LossTally(what);
    rest.add(what, others);
    rest.expectWithinBounds();
  });

  test("the store away in the middle", async () => {
    await watch(`udp to vxlan, away for ${STORE_AWAY_MS} ms`, "flannel.1", async () => {
      await bed.lab.configure(VXLAN);
      await bed.lab.stopStore("SIGKILL");
      await sleep(STORE_AWAY_MS);
      await bed.lab.startStore();
    });
    await watch(`vxlan to host-gw, away for ${STORE_AWAY_MS} ms`, "eth0", async () => {
      await bed.lab.configure(HOST_GW);
      await bed.lab.stopStore("SIGKILL");
      await sleep(STORE_AWAY_MS);
      await bed.lab.startStore();
    });
    await watch(`host-gw to udp, away for ${STORE_AWAY_MS} ms`, TUN, async () => {
      await bed.lab.configure(UDP);
      await bed.lab.stopStore("SIGKILL");
      await sleep(STORE_AWAY_MS);
      await bed.lab.startStore();
    });
  });

  test("the change reverted in the middle", async () => {
    await watch("udp to vxlan and back, twice", TUN, async () => {
      for (const backend of [VXLAN, UDP, VXLAN, UDP]) await bed.lab.configure(backend);
    });
  });

  /** @param device what carries every pair afterwards */
  async function watch(what: string, device: string, happening: () => Promise<void>): Promise<void> {
    const reading = await traffic.during(async () => {
      await happening();
      await waitForCarrier(bed.lab, device);
      await traffic.untilCarried(1);
    });
    tally.add(what, reading);
    expect(disagreements(await readCarriers(bed.lab))).toEqual([]);
    expect(brokenStreams(reading), what).toEqual([]);
    const isKernels = ![carrier, device].includes(TUN);
    carrier = device;
    if (isKernels) expect(lostPairs(reading), what).toEqual([]);
    if (!isLongRun) return;
    const switched = new LossTally(what);
    switched.add(what, reading);
    switched.expectWithinBounds();
  }

  async function restart(number: number, meanwhile: () => Promise<void> = async () => {}): Promise<void> {
    const node = bed.node(number);
    await bed.lab.stopDaemon(node, "SIGKILL");
    await Promise.all([sleep(KILLED_MS), meanwhile()]);
    await bed.lab.startDaemon(node);
    await bed.lab.waitUntilReady(node);
  }
}

/** The pairs that this pod is one end of, or all the others. */
function ofPod(reading: Reading, number: number, isEnd: boolean): Reading {
  const belongs = ({ pair }: { readonly pair: string }) =>
    pair.split(" > ").includes(`pod${number}`) === isEnd;
  return { ...reading, pings: reading.pings.filter(belongs), streams: reading.streams.filter(belongs) };
}
