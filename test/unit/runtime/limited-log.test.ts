/** LOGGING.md's promise: whatever repeats is bounded for each cause, whoever causes it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RejectionLog } from "../../../src/agent/reports/rejection-log.ts";
import { PathLog } from "../../../src/agent/switch-over/path-log.ts";
import { LeaseTable } from "../../../src/lease/lease-table.ts";
import { LimitedLog } from "../../../src/runtime/limited-log.ts";
import { logMessages } from "../../support/log-messages.ts";
import { RecordingLog } from "../../support/recording-log.ts";
import { sourceFiles } from "../../support/source-tree.ts";
import { SteeredClock } from "../../support/steered-clock.ts";

const AT_ONCE = 20;
const SUMMARY = /^lines suppressed: /;

function limited() {
  const [clock, lines] = [new SteeredClock(), new RecordingLog()];
  return { clock, lines, log: new LimitedLog(lines, clock) };
}

/** Lets time go on, and what waited for it run. */
async function pass(clock: SteeredClock, ms: number): Promise<void> {
  clock.advance(ms);
  await Promise.resolve();
}

describe("a cause", () => {
  it("may repeat a little, and then says how often it was left out", async () => {
    const { clock, lines, log } = limited();
    for (let peer = 0; peer < 500; peer++) {
      const who = peer % 2 === 0 ? log : log.child({ store: "etcd" });
      who.warn({ op: "try", peer: `n${peer}` }, "did not work");
    }
    log.warn({ op: "other" }, "something else");
    expect(lines.lines).toHaveLength(AT_ONCE + 1);
    expect(lines.lines.at(-1)?.message).toBe("something else");
    await pass(clock, 60_000);
    expect(lines.lines.at(-1)).toEqual({
      level: "warn",
      fields: { op: "try", count: 480 },
      message: "lines suppressed: did not work",
    });
    log.warn({ op: "try" }, "did not work");
    expect(lines.lines.at(-1)?.message).toBe("did not work");
  });

  it("is bounded in every minute, however its lines come, and none is lost uncounted", async () => {
    const gap = fc.integer({ min: 0, max: 20_000 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(gap, fc.integer({ min: 1, max: 60 })), { maxLength: 60 }),
        async (bursts) => {
          const { clock, lines, log } = limited();
          const shown: number[] = [];
          let written = 0;
          let seen = 0;
          for (const [gapMs, count] of bursts) {
            await pass(clock, gapMs);
            for (let line = 0; line < count; line++) log.info({ op: "try" }, "again");
            written += count;
            for (; seen < lines.lines.length; seen++) shown.push(clock.nowMs());
          }
          for (const start of shown) {
            // The burst, one in six seconds, and two summaries.
            const within = shown.filter((ms) => ms >= start && ms <= start + 60_000);
            expect(within.length).toBeLessThanOrEqual(AT_ONCE + 10 + 1 + 2);
          }
          await pass(clock, 60_000);
          const told = lines.lines.map(({ message, fields }) =>
            SUMMARY.test(message) ? Number(fields.count) : 1,
          );
          expect(told.reduce((sum, count) => sum + count, 0)).toBe(written);
        },
      ),
    );
  });

  it("that is a new text each time gets no more than others, and no memory", () => {
    const { lines, log } = limited();
    for (let text = 0; text < 20_000; text++) log.info({ op: "try" }, `text ${text}`);
    expect(lines.lines.length).toBeLessThan(600);
  });
});

describe("what others cause on this node", () => {
  const refused = (count: number, reason = "none") => ({
    unreached: Array.from({ length: count }, (_, index) => ({
      peer: `10.244.${index >> 8}.${index % 256}-24`,
      family: "v4" as const,
      code: "invalid-lease" as const,
      reason,
    })),
  });

  it("5,000 refused leases in one snapshot", async () => {
    const { clock, lines, log } = limited();
    new RejectionLog(log).report(refused(5000));
    expect(lines.lines).toHaveLength(AT_ONCE);
    await pass(clock, 60_000);
    expect(lines.lines.at(-1)?.fields.count).toBe(5000 - AT_ONCE);
  });

  it("leases that flap 2,100 times a second for a minute", async () => {
    const { clock, lines, log } = limited();
    const rejections = new RejectionLog(log);
    for (let second = 0; second < 60; second++) {
      for (let flap = 0; flap < 2100; flap++) rejections.report(refused(flap % 2));
      await pass(clock, 1000);
    }
    // Refused and no longer refused: two causes.
    expect(lines.lines.length).toBeLessThanOrEqual(2 * (AT_ONCE + 10 + 1 + 1));
  });

  it("paths that turn to and fro", () => {
    const { lines, log } = limited();
    const paths = new PathLog(log);
    for (let turn = 0; turn < 5000; turn++) {
      const channel = turn % 2 === 0 ? "udp" : "host-gw";
      paths.report([{ peer: "10.244.1.0-24", channel, reason: "preferred by both" }]);
    }
    expect(lines.lines).toHaveLength(AT_ONCE);
  });

  it("junk in the store that comes and goes", () => {
    const { lines, log } = limited();
    const table = new LeaseTable(log);
    for (let turn = 0; turn < 5000; turn++) {
      table.put(`junk ${turn}`, () => {
        throw new Error("it is no lease");
      });
      table.delete(`junk ${turn}`);
    }
    expect(lines.lines).toHaveLength(AT_ONCE);
  });
});

it("every message in the sources is a text of the source, so that a cause is one", async () => {
  expect(logMessages(await sourceFiles()).filter(({ isFixed }) => !isFixed)).toEqual([]);
});
