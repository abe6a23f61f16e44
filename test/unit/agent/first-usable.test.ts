/** What a node starts with when the cluster has assigned it a subnet outside of the configured network. */
import { describe, expect, it } from "vitest";
import { type Configuration, readConfiguration } from "../../../src/agent/configuration/configuration.ts";
import { firstUsable } from "../../../src/agent/configuration/first-usable.ts";
import { TweedError } from "../../../src/runtime/error.ts";
import { Latest } from "../../../src/runtime/latest.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const read = (network: string): Configuration =>
  readConfiguration(JSON.stringify({ Network: network, Backend: { Type: "vxlan" } }), "test");
const INSIDE = read("10.244.0.0/16");
const OUTSIDE = read("10.245.0.0/16");
const ELSEWHERE = read("10.246.0.0/16");

/** A node with a podCIDR of one network. */
class Node {
  network = "10.244.0.0/16";
  code = "outside-network";
  readonly clock = new VirtualClock();
  readonly written = new Latest<Configuration>();
  readonly stop = new AbortController();
  readonly refused: string[] = [];
  readonly faults: string[] = [];

  start(first: Configuration, lastGood: Configuration | null = null) {
    const prepare = async ({ config }: Configuration) => {
      const network = String(config.v4?.network);
      if (network === this.network) return network;
      const retryable = this.code !== "unsuitable-host";
      throw new TweedError({
        code: this.code,
        operation: "test",
        reason: `not within ${network}`,
        retryable,
      });
    };
    const parts = {
      ...{ clock: this.clock, random: seededRandom(1), lastGood },
      onRefused: (reason: string) => this.refused.push(reason),
      onFault: (reason: string) => this.faults.push(reason),
    };
    return firstUsable(this.#configurations(), first, prepare, parts, this.stop.signal);
  }

  async *#configurations(): AsyncGenerator<Configuration, void> {
    for (;;) yield await this.written.take(this.stop.signal);
  }
}

describe("a configuration whose network does not contain the node's subnet", () => {
  it("is not taken in place of the last good one, and is refused by name", async () => {
    const node = new Node();
    expect((await node.start(OUTSIDE, INSIDE)).prepared).toBe("10.244.0.0/16");
    expect(node.refused).toEqual(["test: not within 10.245.0.0/16"]);
    expect(node.faults).toEqual([]);
  });

  /** The simulator found daemons that ended, seed 2, history 9. */
  it("is waited with for a corrected one, and those after that are not lost", async () => {
    const node = new Node();
    const started = node.start(OUTSIDE, ELSEWHERE);
    await node.clock.sleep(60_000);
    expect(new Set(node.faults)).toEqual(new Set(["test: not within 10.245.0.0/16"]));
    node.written.put(INSIDE);
    const { prepared, further } = await started;
    expect(prepared).toBe("10.244.0.0/16");
    node.written.put(ELSEWHERE);
    for await (const next of further) {
      expect(next).toBe(ELSEWHERE);
      break;
    }
  });

  it("is taken when the node has a subnet there", async () => {
    const node = new Node();
    const started = node.start(OUTSIDE);
    await node.clock.sleep(60_000);
    node.network = "10.245.0.0/16";
    const { prepared, further } = await started;
    expect(prepared).toBe("10.245.0.0/16");
    // The wait for it had begun before.
    node.written.put(ELSEWHERE);
    for await (const next of further) {
      expect(next).toBe(ELSEWHERE);
      break;
    }
  });

  it("is waited with until the daemon is stopped", async () => {
    const node = new Node();
    const started = node.start(OUTSIDE);
    await node.clock.sleep(5_000);
    node.stop.abort(new Error("stopped"));
    await expect(started).rejects.toThrow("stopped");
  });
});

/** The simulator found a daemon that ended by a token that was rotated as it started, seed 1, history 25. */
it("a store that refuses the node's token for a while is waited for", async () => {
  const node = new Node();
  node.code = "store-auth";
  const started = node.start(OUTSIDE, INSIDE);
  await node.clock.sleep(60_000);
  expect(node.refused).toEqual([]);
  expect(new Set(node.faults)).toEqual(new Set(["test: not within 10.245.0.0/16"]));
  node.network = "10.245.0.0/16";
  expect((await started).prepared).toBe("10.245.0.0/16");
});

it("a host that cannot serve the configuration ends the daemon, without another configuration", async () => {
  const node = new Node();
  node.code = "unsuitable-host";
  await expect(node.start(OUTSIDE)).rejects.toMatchObject({ code: "unsuitable-host" });
  expect((await node.start(OUTSIDE, INSIDE)).prepared).toBe("10.244.0.0/16");
});
