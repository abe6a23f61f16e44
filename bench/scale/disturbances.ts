/** The disturbances of one store, one after the other, on one daemon. */
import { setTimeout as sleep } from "node:timers/promises";
import { CHURN_A_SECOND, Churn } from "./churn.ts";
import { type Measured, measureDisturbance, type Outcome } from "./disturbance.ts";
import { endMeasured, startAgain, startMeasured } from "./measured-daemon.ts";
import { forEachConcurrently } from "./scale-store.ts";
import type { SyntheticNode } from "./synthetic-nodes.ts";

const STORE_DOWN_MS = 10_000;
/** Writes that nodes could not make meanwhile. */
const CHANGED_MEANWHILE = 200;
const WRITERS = 32;
/** Nodes read a new configuration, and switch, within this. */
const SWITCH_SPREAD_MS = 5_000;
/** From a node's first lease with the new backend to the one without the old: its grace time. */
const GRACE_MS = 32_000;

export interface Plan {
  readonly churnMs: number;
  /** Part of the names of the disturbances that are measured. */
  readonly only: string;
}

export async function* measureDisturbances(
  measured: Measured,
  { churnMs, only }: Plan,
  signal: AbortSignal,
): AsyncGenerator<Outcome, void> {
  const { nodes, store } = measured;
  const churn = new Churn(nodes, store);
  const disturbances: readonly Disturbance[] = [
    {
      name: `churn of ${CHURN_A_SECOND} nodes a second`,
      disturb: () => churn.run(churnMs, signal),
      after: () => churn.end(),
    },
    { name: "restart of the store", disturb: () => restartStore(measured) },
    { name: "restart of every node", disturb: () => restartAll(measured) },
    {
      name: "switch of the backend: both offered",
      disturb: async () => {
        await store.configure({ Type: "host-gw" });
        await rewriteAll(measured, () => ({ offered: "host-gw and vxlan" }), SWITCH_SPREAD_MS);
      },
      after: () => sleep(GRACE_MS),
    },
    {
      name: "switch of the backend: the old one withdrawn",
      disturb: () => rewriteAll(measured, () => ({ offered: "host-gw" }), SWITCH_SPREAD_MS),
    },
  ];
  // The others need its daemon.
  yield await measureDisturbance(measured, "start", () => start(measured));
  for (const { name, disturb, after } of disturbances.filter((each) => each.name.includes(only))) {
    signal.throwIfAborted();
    yield await measureDisturbance(measured, name, disturb);
    await after?.();
  }
}

interface Disturbance {
  readonly name: string;
  /** Resolves when it has ended. */
  disturb(): Promise<void>;
  /** Before the next one. */
  after?(): Promise<unknown>;
}

async function start({ kind, watch }: Measured): Promise<void> {
  await startMeasured(kind, watch);
}

/** The store ends, and with it all watches; when it is back, nodes write what changed meanwhile. */
async function restartStore({ nodes, store }: Measured): Promise<void> {
  await store.stop();
  await sleep(STORE_DOWN_MS);
  await store.start();
  const changed = nodes.present.slice(0, CHANGED_MEANWHILE);
  await forEachConcurrently(changed, WRITERS, ({ index }) =>
    store.put(nodes.change(index, ({ mac }) => ({ mac: mac + 1 }))),
  );
}

/** As after a power cut: every lease is written again, every second one with another MAC, as flannel's; ours too. */
async function restartAll(measured: Measured): Promise<void> {
  const { kind, watch } = measured;
  await endMeasured(watch);
  const restarted = ({ index, mac, boot }: SyntheticNode) => ({ boot: boot + 1, mac: mac + (index % 2) });
  await Promise.all([startAgain(kind, watch), rewriteAll(measured, restarted, 0)]);
}

/** Each present node changes and writes its lease, spread evenly over a time. */
async function rewriteAll(
  { nodes, store }: Measured,
  change: (node: SyntheticNode) => Partial<SyntheticNode>,
  spreadMs: number,
): Promise<void> {
  const { present } = nodes;
  const startedMs = performance.now();
  await forEachConcurrently([...present.entries()], WRITERS, async ([place, { index }]) => {
    const waitMs = startedMs + (spreadMs * place) / present.length - performance.now();
    if (waitMs > 1) await sleep(waitMs);
    await store.put(nodes.change(index, change));
  });
}
