/** The simulated etcd answers as a real one: the same requests to both, compared field by field. */
import { afterEach, describe, expect, test } from "vitest";
import { createClient } from "../../src/lease/etcd/client.ts";
import { ETCD_TIMING } from "../../src/lease/etcd/timing.ts";
import { EtcdNetwork } from "../sim/etcd/etcd-network.ts";
import { RequestScript } from "../sim/etcd/request-script.ts";
import { connectTo, type SimulatedClient } from "../sim/etcd/simulated-client.ts";
import { SimulatedEtcd } from "../sim/etcd/simulated-etcd.ts";
import { Life } from "../sim/life.ts";
import { EtcdServer } from "../support/etcd-server.ts";
import { DEADLINE_MS, eventually } from "../support/eventually.ts";
import { isLongRun } from "../support/long-run.ts";
import { RecordingLog } from "../support/recording-log.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { NodeClock, SimulatedTime } from "../support/simulated-time.ts";

const REQUESTS = 250;
const SEEDS = isLongRun ? [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] : [1, 2, 3];
const timing = { ...ETCD_TIMING, requestTimeoutMs: DEADLINE_MS };
/** Of the real etcd's, with its short heartbeats. */
const MIN_TTL_SECONDS = 1;

let cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  const due = cleanups.reverse();
  cleanups = [];
  for (const cleanup of due) await cleanup();
});

interface Side {
  readonly client: SimulatedClient;
  readonly until: (isThere: () => boolean) => Promise<void>;
}

async function simulated(): Promise<Side> {
  const time = new SimulatedTime();
  const server = new SimulatedEtcd(time, seededRandom(0), MIN_TTL_SECONDS);
  const network = new EtcdNetwork(time, seededRandom(0), server);
  cleanups.push(() => server.stop());
  const client = await connectTo(network, { name: "host", life: new Life() }, { auth: null, timing });
  const clock = new NodeClock(time);
  const until = async (isThere: () => boolean) => {
    while (!isThere()) await clock.sleep(10);
  };
  return { client, until };
}

let generation = 0;
async function real(): Promise<Side> {
  const server = await EtcdServer.start();
  cleanups.push(() => server.stop());
  const target = `127.0.0.1:${server.port}`;
  const log = new RecordingLog();
  const options = { target, tls: null, auth: null, timing, log, generation: 1_000 + generation++ };
  const client = await createClient(options);
  cleanups.push(() => client.close());
  return { client, until: (isThere) => eventually(isThere).toBe(true) };
}

async function transcript({ client, until }: Side, seed: number): Promise<readonly unknown[]> {
  return new RequestScript(client, seededRandom(seed), until).run(REQUESTS);
}

describe("the simulated etcd and a real one", () => {
  // One after the other: simulated time would pass while the real one is waited for.
  test.for(SEEDS)(`answer ${REQUESTS} requests alike, seed %i`, async (seed) => {
    const expected = await transcript(await simulated(), seed);
    expect(await transcript(await real(), seed)).toEqual(expected);
  });
});
