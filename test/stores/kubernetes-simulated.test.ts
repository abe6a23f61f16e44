/** The simulated transport and the HTTPS front give the same answers to the same requests. `TWEED_SEED` replaces the seed. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Client } from "../cluster/differential/client.ts";
import { differences } from "../cluster/differential/differences.ts";
import { generateSteps } from "../cluster/differential/generator.ts";
import { Normaliser } from "../cluster/differential/normaliser.ts";
import { titleOf } from "../cluster/differential/step.ts";
import { HostLink } from "../sim/kube/host-link.ts";
import { SimulatedApiServer } from "../sim/kube/simulated-api-server.ts";
import { SimulatedClient } from "../sim/kube/simulated-client.ts";
import { Life } from "../sim/life.ts";
import { CertificateAuthority } from "../support/certificates.ts";
import { Front } from "../support/kube-api/front.ts";
import { StandIn } from "../support/kube-api/stand-in.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { SimulatedTime } from "../support/simulated-time.ts";

const SEED = Number(process.env.TWEED_SEED ?? 1);
/** A watch takes a second of real time at the front. */
const STEPS = 200;
const READER = "token-of-reader";
const TOKENS = {
  admin: "token-of-admin",
  reader: READER,
  powerless: "token-of-powerless",
  unknown: "no-token",
  anonymous: null,
};
const OPTIONS = { bookmarkMs: 60_000, maxPage: Number.POSITIVE_INFINITY };

let directory: string;
let front: Front;
let ca: Buffer;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tw-simulated-"));
  const authority = await CertificateAuthority.create(directory);
  ca = await readFile(authority.certFile);
  const standIn = new StandIn({ ...OPTIONS, pagesFromCache: true });
  front = new Front(standIn.answer, await authority.issue("front"), { host: "127.0.0.1", port: 0 });
  await front.start();
});
afterAll(async () => {
  await front.stop();
  await rm(directory, { recursive: true, force: true });
});

test("the same requests get the same answers", async () => {
  const time = new SimulatedTime();
  const random = seededRandom(SEED);
  const server = new SimulatedApiServer({ time, random }, OPTIONS);
  const link = new HostLink("node1", time, random);
  server.addLink(link);
  for (const { tokens, roles } of [front, server.access]) {
    for (const name of ["admin", "reader", "powerless"] as const) tokens.add(TOKENS[name]);
    const permissions = ["get nodes", "list nodes", "watch nodes", "patch nodes/status"];
    roles.set(READER, { user: "reader", permissions: new Set(permissions) });
    roles.set(TOKENS.powerless, { user: "powerless", permissions: new Set() });
  }
  const access = { url: front.url, ca, tokens: TOKENS };
  const steps = generateSteps(SEED, STEPS);
  const over = new SimulatedClient(server, link, new Life());
  const simulated = await answers(new Client(access, (...request) => over.send(...request)));
  const real = await answers(new Client(access));
  expect(simulated.length).toBe(real.length);
  const differing = real.flatMap(([title, answer], index) => {
    const lines = differences(answer, simulated[index]?.[1]);
    return lines.length === 0 ? [] : [[title, ...lines].join("\n    ")];
  });
  expect(differing).toEqual([]);

  async function answers(client: Client) {
    const normaliser = new Normaliser();
    const played = await client.play(steps);
    return played.map(([step, answer]) => [titleOf(step), normaliser.normalise(answer)] as const);
  }
});
