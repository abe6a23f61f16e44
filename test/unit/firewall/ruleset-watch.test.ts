import { beforeEach, describe, expect, test } from "vitest";
import {
  GENERATION_REQUEST,
  readGeneration,
  readRulesetEvent,
} from "../../../src/kernel/firewall/nftables/ruleset-message.ts";
import { type Commit, RulesetWatch } from "../../../src/kernel/firewall/nftables/ruleset-watch.ts";
import { readMessages } from "../../../src/kernel/netlink/message.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { systemRandom } from "../../../src/runtime/random.ts";
import { eventually } from "../../support/eventually.ts";
import { notificationsOf } from "../../support/fake-firewall.ts";
import { FakeEvents } from "../../support/fake-netlink.ts";
import { RecordingLog } from "../../support/recording-log.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const only = (datagram: Uint8Array | undefined) => {
  const [message] = readMessages(datagram ?? new Uint8Array(0));
  if (message === undefined) throw new Error("no message");
  return message;
};

describe("messages", () => {
  test("of a table, by family and name", () => {
    const [rule, generation] = notificationsOf(["ip6 flannel-ipv6"], 0x01020304).map(only);
    expect(rule && readRulesetEvent(rule)).toEqual({ kind: "touched", table: "ip6 flannel-ipv6" });
    expect(generation && readRulesetEvent(generation)).toEqual({ kind: "committed", generation: 0x01020304 });
  });

  test("of other subsystems are none", () => {
    expect(
      readRulesetEvent({ type: (1 << 8) | 2, flags: 0, sequence: 0, body: new Uint8Array(8) }),
    ).toBeNull();
  });

  test("of a family that nft has no name for are none", () => {
    const message = only(notificationsOf(["ip t"], 1)[0]);
    expect(readRulesetEvent({ ...message, body: Uint8Array.from(message.body).fill(99, 0, 1) })).toBeNull();
  });

  test.each([
    ["no header", new Uint8Array(3)],
    ["a short attribute", Uint8Array.of(0, 0, 0, 0, 6, 0, 1, 0, 0, 0, 0, 0)],
    ["no number", new Uint8Array(4)],
  ])("%s is malformed", (_what, body) => {
    expect(() => readRulesetEvent({ type: (10 << 8) | 15, flags: 0, sequence: 0, body })).toThrow(
      expect.objectContaining({ code: "netlink-malformed" }),
    );
  });

  test("the generation is asked for and read", () => {
    expect(GENERATION_REQUEST.type).toBe(0x0a10);
    expect(readGeneration(only(notificationsOf([], 9)[0]))).toBe(9);
    expect(() => readGeneration(only(notificationsOf(["ip t"], 9)[0]))).toThrow(/generation/);
  });
});

describe("the watch", () => {
  let events: FakeEvents;
  let heard: (Commit | "loss")[];
  let ended: AbortController;
  let log: RecordingLog;

  const watch = (open: () => FakeEvents, clock = systemClock) =>
    new RulesetWatch({
      open,
      listener: { onCommit: (commit) => heard.push(commit), onLoss: () => heard.push("loss") },
      clock,
      random: systemRandom,
      log,
    });

  beforeEach(() => {
    events = new FakeEvents();
    heard = [];
    ended = new AbortController();
    log = new RecordingLog();
  });

  test("gathers what one transaction touched", async () => {
    const listening = watch(() => events);
    const run = listening.run(ended.signal);
    expect(listening.isListening).toBe(true);
    events.push(...notificationsOf(["ip nat", "ip nat", "inet t"], 5), ...notificationsOf([], 6));
    await eventually(() => heard).toEqual([
      "loss",
      { generation: 5, tables: new Set(["ip nat", "inet t"]) },
      { generation: 6, tables: new Set() },
    ]);
    ended.abort(new Error("done"));
    await expect(run).rejects.toThrow("done");
    expect(events.isClosed).toBe(true);
    expect(listening.isListening).toBe(false);
  });

  test("an overrun is a loss, and what half a transaction touched is forgotten", async () => {
    const run = watch(() => events).run(ended.signal);
    events.push(...notificationsOf(["ip nat"], 5).slice(0, 1), "overrun", ...notificationsOf(["inet t"], 6));
    await eventually(() => heard).toEqual(["loss", "loss", { generation: 6, tables: new Set(["inet t"]) }]);
    ended.abort();
    await expect(run).rejects.toThrow();
  });

  test("a kernel without nftables is asked again, less and less, with one warning", async () => {
    const clock = new VirtualClock();
    let opened = 0;
    const open = () => {
      opened += 1;
      if (opened === 8) ended.abort(new Error("enough"));
      throw new Error("EPROTONOSUPPORT");
    };
    await expect(watch(open, clock).run(ended.signal)).rejects.toThrow("enough");
    expect(clock.nowMs()).toBeGreaterThan(80_000);
    expect(log.warnings()).toHaveLength(1);
  });
});
