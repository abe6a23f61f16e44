/**
 * Answers of the API server to a list and a watch of nodes, in chunks of any size: through the real client and the real
 * follower, on a connection that is fed from the input.
 */
import { Api } from "../../../src/lease/kubernetes/api.ts";
import { LargeObject } from "../../../src/lease/kubernetes/large-object.ts";
import { ListSplitter } from "../../../src/lease/kubernetes/list-splitter.ts";
import { NodeFeed } from "../../../src/lease/kubernetes/node-feed.ts";
import {
  internalIps,
  operatorIps,
  overwritten,
  publishedIps,
  unreadableAddresses,
} from "../../../src/lease/kubernetes/node-lease.ts";
import { Outage } from "../../../src/lease/kubernetes/outage.ts";
import { KUBERNETES_TIMING } from "../../../src/lease/kubernetes/timing.ts";
import type { ApiTransport } from "../../../src/lease/kubernetes/transport.ts";
import type { LeaseSnapshot } from "../../../src/lease/lease.ts";
import type { Clock } from "../../../src/runtime/clock.ts";
import { silentLog } from "../../../src/runtime/log.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { join } from "../mutation/bytes.ts";
import { expectPlain } from "../plain-data.ts";
import { split, splitRecords } from "../records.ts";
import { type FuzzTarget, invariant, NEVER, textOf } from "../target.ts";
import { NO_FILES } from "./files-of-input.ts";
import { checkSnapshot } from "./lease-checks.ts";
import { NODE_LIST, NODE_WORDS, OWN_NAME, WATCH_LINES } from "./node-samples.ts";

const PREFIX = "flannel.alpha.coreos.com/";
const CHUNK_SEED_BYTES = 2;
const NEWLINE = 0x0a;
/** Before a line of a watch: one chunk, and no list. */
const ONE_LINE = Uint8Array.of(0, 0, 0x1e);

/** Two bytes that choose the sizes of chunks, the answer to the list, a record separator, the answer to the watch. */
export const kubernetesNodes: FuzzTarget = {
  name: "kubernetes-nodes",
  grammar: "json",
  seeds: [
    Buffer.from(`\x00\x01${NODE_LIST}\x1e${WATCH_LINES.join("\n")}\n`),
    Buffer.from(`\x07\xff${NODE_LIST}`),
    ...WATCH_LINES.map((line) => Buffer.from(`\x00\x40\x1e${line}\n`)),
  ],
  words: NODE_WORDS,
  refusals: NEVER,
  parts(input) {
    const [list = new Uint8Array(0), ...answers] = splitRecords(input.subarray(CHUNK_SEED_BYTES));
    const items: string[] = [];
    const splitter = new ListSplitter((item) => {
      items.push((item instanceof LargeObject ? item.head : item).toString("latin1"));
    });
    splitter.push(Buffer.from(list));
    const lines = answers.flatMap((answer) => split(answer, NEWLINE));
    return [
      ...items.map((item) =>
        Buffer.from(`\0\0{"metadata":{"resourceVersion":"1"},"items":[${item}]}`, "latin1"),
      ),
      ...lines.map((line) => join(ONE_LINE, line, Uint8Array.of(NEWLINE))),
    ];
  },
  async run(input) {
    const seed = ((input[0] ?? 0) << 8) | (input[1] ?? 0);
    const [list = new Uint8Array(0), ...lines] = splitRecords(input.subarray(CHUNK_SEED_BYTES));
    // An empty answer stands for a list without nodes, so that inputs with a watch alone get to it.
    if (list.length > 0) checkSplitting(list, seed);
    const listed = list.length > 0 ? chunksOf(list, seed) : [NO_NODES];
    const watched = lines.slice(0, MAX_WATCHES).map((line) => chunksOf(line, seed + 1));
    const { snapshot, feed } = await follow([listed, ...watched]);
    checkSnapshot(snapshot, "assigned");
    const { own } = feed;
    if (own === null) return undefined;
    expectPlain(own);
    const found = [publishedIps(own), operatorIps(own.annotations), internalIps(own)];
    const content = overwritten({ publicIps: found[0] ?? NONE, offers: [UDP] }, own.annotations);
    expectPlain([found, content, unreadableAddresses(own.annotations)]);
    return undefined;
  },
};

const NO_NODES = Buffer.from('{"kind":"NodeList","metadata":{"resourceVersion":"1040"},"items":[]}');
const MAX_WATCHES = 8;
const ENDED = new Error("all answers were sent");
const NONE = { v4: null, v6: null };
const UDP = { type: "udp", data: NONE };

/** Cut at some places: each chunk costs several turns of the follower. Some are empty, some a single byte. */
function chunksOf(bytes: Uint8Array, seed: number): Buffer[] {
  const random = seededRandom(seed);
  const cuts = [0, bytes.length];
  for (let count = seed % MAX_CUTS; count > 0; count--) {
    const at = random.below(bytes.length + 1);
    cuts.push(at, Math.min(bytes.length, at + random.below(3)));
  }
  cuts.sort((a, b) => a - b);
  return cuts.slice(1).map((end, index) => Buffer.from(bytes.subarray(cuts[index], end)));
}

const MAX_CUTS = 7;

/** The items of a list do not depend on the chunks in which it arrives; what is no JSON has none. */
function checkSplitting(list: Uint8Array, seed: number): void {
  if (!isJson(list)) return;
  const itemsOf = (chunks: readonly Buffer[]) => {
    const items: string[] = [];
    const splitter = new ListSplitter((item) => {
      items.push((item instanceof LargeObject ? item.head : item).toString("latin1"));
    });
    for (const chunk of chunks) splitter.push(chunk);
    return { items, envelope: splitter.envelope.replaceAll(/[\s,]+/g, "") };
  };
  const whole = itemsOf([Buffer.from(list)]);
  const pieces = itemsOf(chunksOf(list, seed));
  invariant(JSON.stringify(whole) === JSON.stringify(pieces), "chunks do not change what a list contains");
}

function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(textOf(bytes));
    return true;
  } catch {
    return false;
  }
}

/** The snapshot after the last answer; each answer is for one request, and what comes after them ends it. */
async function follow(
  answers: readonly (readonly Buffer[])[],
): Promise<{ readonly snapshot: LeaseSnapshot; readonly feed: NodeFeed }> {
  const stop = new AbortController();
  const clock: Clock = {
    nowMs: () => 0,
    wallMs: () => 0,
    startTimer: () => ({ cancel: () => {} }),
    turn: () => Promise.resolve(),
    // Only a retry or a later listing waits, and neither brings anything new.
    async sleep(ms, signal) {
      if (ms > 0) stop.abort(ENDED);
      signal?.throwIfAborted();
    },
  };
  const left = [...answers];
  const transport: ApiTransport = {
    async send(_request, _access, signal) {
      const chunks = left.shift();
      if (chunks === undefined) stop.abort(ENDED);
      signal.throwIfAborted();
      return { status: 200, retryAfter: undefined, chunks: stream(chunks ?? []), destroy() {} };
    },
    close() {},
  };
  const random = seededRandom(1);
  const outage = new Outage(clock, random, silentLog, KUBERNETES_TIMING.outage);
  const api = new Api({ access: async () => ACCESS, forget() {} }, transport, outage, 1000);
  const feed = new NodeFeed(
    { api, clock, random, files: NO_FILES, log: silentLog, timing: KUBERNETES_TIMING },
    PREFIX,
  );
  feed.ownName = OWN_NAME;
  try {
    for await (const _ of feed.changes(stop.signal)) expectPlain(feed.own);
  } catch (error) {
    if (!stop.signal.aborted || error !== ENDED) throw error;
  }
  return { snapshot: feed.snapshot(), feed };
}

async function* stream(chunks: readonly Buffer[]): AsyncGenerator<Buffer, void> {
  yield* chunks;
}

const ACCESS = { url: new URL("https://api.test"), headers: {}, tls: {}, proxyAgent: null, isFresh: true };
