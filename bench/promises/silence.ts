/** The effect of an act on traffic of pods, measured by concurrent pings. */
import type { Lab } from "../../src/lab/lab.ts";
import { PingStream } from "../../src/lab/ping-stream.ts";
import type { LabNode } from "../../src/lab/topology.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import type { Bench } from "./group.ts";

const PING_INTERVAL_MS = 10;
/** So that there are answers before and after the act. */
const MARGIN_MS = 300;

/**
 * The time for which pings between pods went unanswered during an act: lost pings times their interval, of the worst
 * pair.
 * @param senders nodes whose pods ping all the others
 */
export async function silenceDuring(
  { program, signal }: Bench,
  lab: Lab,
  happening: () => Promise<void>,
  senders: readonly LabNode[] = lab.nodes,
): Promise<number> {
  const streams = await Promise.all(
    senders.map(async (sender) => {
      const others = lab.nodes.filter((node) => node !== sender);
      const ips = await Promise.all(others.map((node) => lab.podIps(node)));
      const targets = ips.map(({ v4, v6 }) => v4 ?? v6).filter((ip) => ip !== null);
      return PingStream.start(sender.podNamespace, targets, program.tweed, PING_INTERVAL_MS);
    }),
  );
  const stop = () => Promise.all(streams.map((stream) => stream.stop()));
  try {
    await systemClock.sleep(MARGIN_MS, signal);
    await happening();
    await systemClock.sleep(MARGIN_MS, signal);
  } catch (error) {
    await stop();
    throw error;
  }
  const results = (await stop()).flat();
  const isWatched = results.length > 0 && results.every(({ received }) => received > 0);
  if (!isWatched) throw new Error("no ping was answered");
  return Math.max(...results.map(({ lost }) => lost)) * PING_INTERVAL_MS;
}
