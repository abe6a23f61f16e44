/** The simulated etcd answers as a real one: the same requests to both, compared field by field. */
import type { IEvent } from "etcd3";
import { afterEach, describe, expect, test } from "vitest";
import { type ClientOptions, createClient } from "../../src/lease/etcd/client.ts";
import { ETCD_TIMING } from "../../src/lease/etcd/timing.ts";
import { type Access, accessTranscript } from "../sim/etcd/access-script.ts";
import { EtcdNetwork } from "../sim/etcd/etcd-network.ts";
import { plain } from "../sim/etcd/plain-answer.ts";
import { RequestScript } from "../sim/etcd/request-script.ts";
import { connectTo } from "../sim/etcd/simulated-client.ts";
import { SimulatedEtcd } from "../sim/etcd/simulated-etcd.ts";
import { Life } from "../sim/life.ts";
import { EtcdAdmin } from "../support/etcd-admin.ts";
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

function simulated(): Access {
  const time = new SimulatedTime();
  const server = new SimulatedEtcd(time, seededRandom(0), MIN_TTL_SECONDS);
  const network = new EtcdNetwork(time, seededRandom(0), server);
  cleanups.push(() => server.stop());
  const connect = (auth: ClientOptions["auth"]) =>
    connectTo(network, { name: "host", life: new Life() }, { auth, timing });
  const clock = new NodeClock(time);
  const until = async (isThere: () => boolean) => {
    while (!isThere()) await clock.sleep(10);
  };
  const { auth } = server.data;
  const setUser = async (name: string, password: string) =>
    auth.setUser(name, { password, permission: { first: "/permitted/", end: "/permitted0" } });
  const setEnabled = async (isEnabled: boolean) => auth.setEnabled(isEnabled);
  return { administrator: { addUser: setUser, changePassword: setUser, setEnabled }, connect, until };
}

let generation = 0;
async function real(): Promise<Access> {
  const server = await EtcdServer.start();
  cleanups.push(() => server.stop());
  const target = `127.0.0.1:${server.port}`;
  const log = new RecordingLog();
  const connect = async (auth: ClientOptions["auth"]) => {
    const client = await createClient({
      target,
      tls: null,
      auth,
      timing,
      log,
      generation: 1_000 + generation++,
    });
    cleanups.push(() => client.close());
    return client;
  };
  const admin = new EtcdAdmin(server.endpoint);
  const administrator = {
    addUser: (name: string, password: string) => admin.addUser(name, password, "/permitted"),
    async changePassword(name: string, password: string) {
      await admin.changePassword(name, password);
    },
    setEnabled: (isEnabled: boolean) => (isEnabled ? admin.enable() : admin.disable()),
  };
  return { administrator, connect, until: (isThere) => eventually(isThere).toBe(true) };
}

async function requests({ connect, until }: Access, seed: number): Promise<readonly unknown[]> {
  return new RequestScript(await connect(null), seededRandom(seed), until).run(REQUESTS);
}

/** A key whose lease is not renewed, and one that outlives it. */
async function expiry({ connect, until }: Access): Promise<readonly unknown[]> {
  const { kv, leaseClient, watchClient } = await connect(null);
  const stream = await watchClient.watch();
  const events: IEvent[] = [];
  stream.on("data", (response) => events.push(...response.events)).on("error", () => undefined);
  stream.write({ create_request: { key: Buffer.from("a"), range_end: Buffer.from("z") } });
  const granted = await leaseClient.leaseGrant({ ID: "5", TTL: 0 });
  for (const key of ["c", "a", "b"])
    await kv.put({ key: Buffer.from(key), value: Buffer.from(""), lease: "5" });
  await kv.put({ key: Buffer.from("b"), value: Buffer.from("kept") });
  await until(() => events.filter(({ type }) => type === "Delete").length === 2);
  const left = await kv.range({ key: Buffer.from("a"), range_end: Buffer.from("z") });
  stream.end();
  stream.cancel();
  // A lease's keys expire in one revision, in any order.
  const shown = plain(events) as { readonly kv: { readonly key: string } }[];
  const [deleted, written] = [shown.slice(-2), shown.slice(0, -2)];
  return [plain(granted), written, deleted.sort((a, b) => (a.kv.key < b.kv.key ? -1 : 1)), plain(left)];
}

// One after the other: simulated time would pass while the real one is waited for.
describe("the simulated etcd and a real one", () => {
  test.for(SEEDS)(`answer ${REQUESTS} requests alike, seed %i`, async (seed) => {
    const expected = await requests(simulated(), seed);
    expect(await requests(await real(), seed)).toEqual(expected);
  });

  test("permit and refuse the same to the same users", async () => {
    const expected = await accessTranscript(simulated());
    expect(await accessTranscript(await real())).toEqual(expected);
  });

  test("let the same keys expire", async () => {
    const expected = await expiry(simulated());
    expect(await expiry(await real())).toEqual(expected);
  });
});
