/**
 * The stand-in gets the same requests as a real kube-apiserver and must give the same answers: it must accept nothing
 * that a cluster refuses. `TWEED_SEED` replaces the seed.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { realApiServer } from "../../support/kube-api/kube-api.ts";
import { type Answer, Client } from "./client.ts";
import { differences } from "./differences.ts";
import { AFTER_COMPACTION, BEFORE_COMPACTION, FIXED_STEPS } from "./fixed-cases.ts";
import { generateSteps } from "./generator.ts";
import { Normaliser } from "./normaliser.ts";
import { type Servers, startServers } from "./servers.ts";
import { type Step, titleOf } from "./step.ts";

const SEED = Number(process.env.TWEED_SEED ?? 1);
const GENERATED = 400;

let servers: Servers;
let pair: Pair;
let asked = 0;

/** A client of each server, and the values that each has returned so far. */
class Pair {
  readonly #real: Side;
  readonly #standIn: Side;
  readonly #minor: number;

  constructor({ real, standIn, minor }: Servers) {
    this.#minor = minor;
    this.#real = { client: new Client(real), normaliser: new Normaliser() };
    this.#standIn = { client: new Client(standIn), normaliser: new Normaliser() };
  }

  /** @returns the steps whose answers differ, each with its differences */
  async play(all: readonly Step[]): Promise<string[]> {
    const steps = all.filter(({ sinceMinor = 0 }) => sinceMinor <= this.#minor);
    const [real, standIn] = await Promise.all([answers(this.#real, steps), answers(this.#standIn, steps)]);
    asked += real.length;
    return real.flatMap(([step, answer], index) => {
      const lines = differences(answer, standIn[index]?.[1]);
      return lines.length === 0 ? [] : [[titleOf(step), ...lines].join("\n    ")];
    });
  }
}

interface Side {
  readonly client: Client;
  readonly normaliser: Normaliser;
}

async function answers({ client, normaliser }: Side, steps: readonly Step[]) {
  const played: (readonly [Step, Answer])[] = await client.play(steps);
  return played.map(
    ([step, answer]) => [step, normaliser.normalise(answer, step.isForBookmark ?? false)] as const,
  );
}

beforeAll(async () => {
  const program = realApiServer();
  if (program === null)
    throw new Error("there is no kube-apiserver: set KUBEBUILDER_ASSETS, or npm run test:stores:real");
  servers = await startServers(program);
  pair = new Pair(servers);
});
afterAll(async () => {
  console.log(`compared ${asked} answers of the real server and the stand-in, seed ${SEED}`);
  await servers?.stop();
});

test("answers to the fixed requests are the same", async () => {
  expect(await pair.play(FIXED_STEPS)).toEqual([]);
});

test("answers to generated requests are the same", async () => {
  expect(await pair.play(generateSteps(SEED, GENERATED))).toEqual([]);
});

test("a history that is forgotten is refused alike", async () => {
  const before = await pair.play(BEFORE_COMPACTION);
  await servers.forgetHistory();
  expect([...before, ...(await pair.play(AFTER_COMPACTION))]).toEqual([]);
});
