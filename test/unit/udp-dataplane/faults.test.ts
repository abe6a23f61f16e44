/** What the UDP data plane says is in its way, and until when. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { UdpDataplane } from "../../../backends/udp/dataplane.ts";
import { forwardingOf, type UdpForwarding } from "../../../backends/udp/forwarding.ts";
import { FORWARDING_FILE, SavedForwarding } from "../../../backends/udp/saved-forwarding.ts";
import { nodeFiles } from "../../../src/runtime/node-files.ts";
import { systemRandom } from "../../../src/runtime/random.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeKernel } from "../../support/fake-kernel.ts";
import { FakeUdpSessions } from "../../support/fake-udp-sessions.ts";
import { RecordingLog } from "../../support/recording-log.ts";
import { sampleNode, samplePeer } from "../../support/sample-node.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const node = sampleNode();
const options = { port: 8285 };
const alone = forwardingOf(node, options, []);
const paired = forwardingOf(node, options, [samplePeer(2)]);

let directory: string;
let stop: AbortController;
let ended: Promise<unknown>;
let sessions: FakeUdpSessions;
let dataplane: UdpDataplane;
let clock: VirtualClock;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tw-udp-"));
  stop = new AbortController();
  clock = new VirtualClock();
  const kernel = new FakeKernel();
  kernel.addDevice("eth0");
  for (const ip of [node.iface.ips.v4, node.iface.ips.v6]) {
    if (ip !== null) kernel.execute({ op: "add-address", address: { iface: "eth0", ip, length: 32 } });
  }
  kernel.execute({ op: "create-link", link: { kind: "tun", name: alone.device, mtuBytes: 1452 } });
  sessions = new FakeUdpSessions(kernel, clock);
  const surroundings = { clock, random: systemRandom, files: nodeFiles, log: new RecordingLog() };
  dataplane = new UdpDataplane({ queues: 1, offload: "auto" }, surroundings, {
    script: "none",
    saved: new SavedForwarding(join(directory, FORWARDING_FILE), surroundings),
    openSession: sessions.open,
  });
  ended = dataplane.run(stop.signal).catch(() => {});
  desire(alone);
  await eventually(() => faults()).toEqual([]);
});
afterEach(async () => {
  stop.abort();
  await ended;
  await sleep(5);
  await rm(directory, { recursive: true, force: true });
});

const desire = (forwarding: UdpForwarding | null) =>
  dataplane.setDesired(new Map(forwarding === null ? [] : [["udp", forwarding]]));
const faults = () => dataplane.faults().map(({ reason }) => reason);
const table = () => {
  const carried = sessions.carried();
  return typeof carried === "string" ? carried : carried.peers;
};

it("a table that is refused is in its way until it is taken", async () => {
  sessions.refusesTables = true;
  desire(paired);
  await eventually(() => faults()).toEqual([expect.stringContaining("fast-path-collisions")]);
  sessions.refusesTables = false;
  await eventually(() => faults()).toEqual([]);
  expect(table()).toEqual(paired.view.peers);
});

it("so is a worker that does not let go of the table before", async () => {
  sessions.holdsTable = true;
  desire(paired);
  await eventually(() => faults()).toEqual(["a UDP worker still uses the forwarding table before the last"]);
  expect(table()).toEqual([]);
  // Nothing is to be replaced any more.
  desire(alone);
  await eventually(() => faults()).toEqual([]);
  desire(paired);
  sessions.holdsTable = false;
  await eventually(table).toEqual(paired.view.peers);
  expect(faults()).toEqual([]);
});

it("a table that is refused, and then held, is in its way all the time", async () => {
  sessions.refusesTables = true;
  desire(paired);
  await eventually(() => faults()).toEqual([expect.stringContaining("fast-path-collisions")]);
  const seen: number[] = [];
  dataplane.onChange(() => seen.push(faults().length));
  sessions.holdsTable = true;
  sessions.refusesTables = false;
  await eventually(() => faults()).toEqual(["a UDP worker still uses the forwarding table before the last"]);
  expect(seen).not.toContain(0);
  sessions.holdsTable = false;
  await eventually(() => faults()).toEqual([]);
  expect(table()).toEqual(paired.view.peers);
});

it("what its workers died of is in nobody's way when nothing is to be carried any more", async () => {
  sessions.endsThreads = true;
  for (let death = 0; death < 4; death++) sessions.endThread();
  await eventually(() => faults()).toEqual([expect.stringContaining("keep dying")]);
  desire(null);
  await eventually(() => faults()).toEqual([]);
});

it("what its workers die of while it is opened is in its way too", async () => {
  desire(null);
  await eventually(() => sessions.carried()).toBe("its channels");
  sessions.endsThreads = true;
  desire(alone);
  await eventually(() => sessions.carried()).toBe("a worker");
  await clock.turn();
  expect(faults()).toEqual([expect.stringContaining("keep dying")]);
});

it("for as long as workers die it waits with one timer for the end of that", async () => {
  const warnings: Error[] = [];
  const hear = (warning: Error) => warnings.push(warning);
  process.on("warning", hear);
  try {
    sessions.endsThreads = true;
    for (let death = 0; death < 4; death++) sessions.endThread();
    await clock.sleep(120_000);
    expect(faults()).toHaveLength(1);
    sessions.endsThreads = false;
    await eventually(() => faults()).toEqual([]);
    expect(warnings.map(({ name }) => name)).not.toContain("MaxListenersExceededWarning");
  } finally {
    process.off("warning", hear);
  }
});
