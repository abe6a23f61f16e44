import { beforeEach, describe, expect, test } from "vitest";
import { RefusalWatch } from "../../../src/agent/firewall/refusal-watch.ts";
import { readSources, sourcesRequest } from "../../../src/kernel/firewall/nftables/refused-sources.ts";
import { BodyWriter } from "../../../src/kernel/netlink/body-writer.ts";
import { parseIp } from "../../../src/net/index.ts";
import { FakeFirewall } from "../../support/fake-firewall.ts";
import { RecordingLog } from "../../support/recording-log.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

let access: FakeFirewall;
let clock: VirtualClock;
let log: RecordingLog;

beforeEach(() => {
  access = new FakeFirewall({ hasNft: true, iptables: { v4: [], v6: [] } });
  clock = new VirtualClock();
  log = new RecordingLog();
  const end = new AbortController();
  const watch = new RefusalWatch({ access, clock, log, isFiltering: () => true });
  watch.run(end.signal).catch(() => {});
  return () => end.abort();
});

function refuse(packets: number, ...sources: readonly string[]): void {
  const before = access.refused.get("foreign-source");
  access.refused.set("foreign-source", {
    packets: (before?.packets ?? 0) + packets,
    sources: [...new Set([...(before?.sources ?? []), ...sources.map(parseIp)])],
  });
}
const told = () => log.lines.map(({ fields }) => [fields.code, fields.sources, fields.count]);

describe("refused packets", () => {
  test("are told of a data plane that refuses for some reasons alone", async () => {
    const lines = new RecordingLog();
    const end = new AbortController();
    const sources = [parseIp("198.18.9.9")];
    const udp = {
      refusalCounts: () => Promise.resolve({ "unknown-peer": { packets: 2 } }),
      refusedSources: () => Promise.resolve(sources),
    };
    new RefusalWatch({ access: udp, clock, log: lines }).run(end.signal).catch(() => {});
    await clock.sleep(10_000);
    end.abort();
    expect(lines.lines.map(({ fields }) => [fields.code, fields.sources, fields.count])).toEqual([
      ["unknown-peer", sources, 2],
    ]);
  });

  test("are told with reason, sources and count", async () => {
    await clock.sleep(1000);
    refuse(3, "192.0.2.2");
    await clock.sleep(10_000);
    expect(log.lines).toEqual([
      expect.objectContaining({
        message: "packets refused",
        fields: {
          op: "filter-packets",
          code: "foreign-source",
          sources: ["192.0.2.2"],
          count: 3,
          reason: expect.stringContaining("--ip-masq"),
        },
      }),
    ]);
  });

  test("of one source are told once, however long it goes on, and again after an hour", async () => {
    for (let round = 0; round < 300; round++) {
      refuse(1, "192.0.2.2");
      await clock.sleep(10_000);
    }
    expect(told()).toHaveLength(1);
    for (let round = 0; round < 100; round++) {
      refuse(1, "192.0.2.2");
      await clock.sleep(10_000);
    }
    expect(told()).toHaveLength(2);
  });

  test("of ever new sources are told once a minute, a few of them by name", async () => {
    for (let round = 0; round < 60; round++) {
      refuse(100, ...Array.from({ length: 16 }, (_, index) => `198.18.${round}.${index}`));
      await clock.sleep(10_000);
    }
    expect(told().length).toBeLessThanOrEqual(10);
    for (const [, sources] of told()) expect((sources as string[]).length).toBeLessThanOrEqual(8);
  });

  test("that were counted before are no news without a source that the kernel remembers", async () => {
    access.refused.set("own-source", { packets: 7, sources: [] });
    await clock.sleep(60_000);
    expect(told()).toEqual([]);
  });
});

test("sources are read from the elements of a set", () => {
  expect(sourcesRequest("foreign-source", "v4").body.toString()).toBe(
    new BodyWriter(4, (struct) => struct.setUint8(0, 1))
      .text(1, "tweed-packet-filter")
      .text(2, "foreign-source-v4")
      .finish()
      .toString(),
  );
  const element = (ip: Uint8Array) => (list: BodyWriter) =>
    list.nest(1, (each) => each.nest(1, (key) => key.bytes(1, ip)));
  const body = new BodyWriter(4, () => {})
    .text(1, "tweed-packet-filter")
    .nest(3, (list) => {
      element(Uint8Array.of(192, 0, 2, 2))(list);
      return element(Uint8Array.of(192, 0, 2, 3))(list);
    })
    .finish();
  expect(readSources({ type: (10 << 8) | 12, flags: 0, sequence: 1, body })).toEqual([
    "192.0.2.2",
    "192.0.2.3",
  ]);
});
