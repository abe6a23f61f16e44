/** The numbers of the memory's layout are written out; here they are held against one another. */
import { expect, test } from "vitest";
import * as counterIndex from "../../../backends/udp/assembly/counter-index.ts";
import * as layout from "../../../backends/udp/assembly/layout.ts";
import { COUNTER_NAMES, DROP_COUNTERS } from "../../../backends/udp/counters.ts";

const NUMBERS = { ...layout };

const SHARED = [
  ["ICMP_DUE_AT", 8],
  ["ADDRESS_ARGUMENT_AT", 16],
  ["PINS_AT", layout.LANES_MAX * layout.PIN_BYTES],
  ["COUNTERS_AT", layout.LANES_MAX * layout.COUNTERS_BYTES],
  ["TABLES_AT", 0],
] as const;

const TABLE = [
  ["TABLE_LENGTHS_AT", layout.LENGTHS_MAX * layout.TABLE_LENGTH_BYTES],
  ["TABLE_HOSTS_AT", layout.HOSTS_MAX * 16],
  ["TABLE_HEADER_BYTES", 0],
] as const;

const LANE = [
  ["PLAIN_VIRTIO_AT", 10],
  ["INNER_AT", 32],
  ["OPEN_RUNS_AT", layout.OPEN_RUNS_MAX * 4],
  ["REFUSED_AT", 2 * layout.REFUSED_MAX * 16],
  ["ICMP_AT", layout.ICMP_MAX * layout.ICMP_BYTES],
  ["MESSAGES4_AT", layout.MESSAGES_MAX * layout.MESSAGE_BYTES],
  ["MESSAGES6_AT", layout.MESSAGES_MAX * layout.MESSAGE_BYTES],
  ["NAMES_AT", 2 * layout.MESSAGES_MAX * layout.NAME_BYTES],
  ["CONTROLS_AT", 2 * layout.MESSAGES_MAX * layout.CONTROL_BYTES],
  ["WRITES_AT", layout.WRITES_MAX * layout.WRITE_BYTES],
  ["UNJOINED_WRITES_AT", layout.SEGMENTS_PER_RUN_MAX * layout.WRITE_BYTES],
  ["IOVECS_AT", layout.IOVECS_MAX * layout.IOVEC_BYTES],
  ["UNJOINED_IOVECS_AT", 2 * layout.SEGMENTS_PER_RUN_MAX * layout.IOVEC_BYTES],
  ["RUNS_AT", layout.RUNS_MAX * layout.RUN_BYTES],
  ["PACKETS_AT", layout.PACKETS_MAX * layout.PACKET_BYTES],
  ["HEADERS_AT", layout.HEADERS_BYTES],
] as const;

const EGRESS = [
  ...LANE,
  ["READS_AT", layout.READS_MAX * layout.READ_BYTES],
  // copyHeader may read a vector behind the last packet.
  ["EGRESS_INPUT_AT", layout.EGRESS_INPUT_BYTES + 16],
  ["EGRESS_LANE_BYTES", 0],
] as const;

const INGRESS = [
  ...LANE,
  ["RECEIVE_MESSAGES_AT", layout.RECEIVE_MAX * layout.MESSAGE_BYTES],
  ["RECEIVE_IOVECS_AT", layout.RECEIVE_MAX * layout.IOVEC_BYTES],
  ["RECEIVE_NAMES_AT", layout.RECEIVE_MAX * layout.NAME_BYTES],
  ["RECEIVE_CONTROLS_AT", layout.RECEIVE_MAX * layout.RECEIVE_CONTROL_BYTES],
  ["RECEIVE_SLOTS_AT", layout.RECEIVE_MAX * layout.RECEIVE_STRIDE],
  ["INGRESS_LANE_BYTES", 0],
] as const;

test.each([
  ["shared part", SHARED],
  ["table", TABLE],
  ["egress lane", EGRESS],
  ["ingress lane", INGRESS],
])("nothing overlaps in the %s", (_, areas) => {
  for (const [index, [name, size]] of areas.entries()) {
    const next = areas[index + 1];
    if (next !== undefined) expect(NUMBERS[name] + size, name).toBeLessThanOrEqual(NUMBERS[next[0]]);
  }
});

test("areas start on a cache line", () => {
  for (const [name] of [...EGRESS, ...INGRESS]) expect(NUMBERS[name] % 64, name).toBe(0);
});

test("output areas hold what one pass may make", () => {
  // Egress: every segment a message with a header; two iovecs each, and two for each ICMP error.
  expect(layout.MESSAGES_MAX).toBeGreaterThanOrEqual(layout.EGRESS_SEGMENTS_MAX + layout.ICMP_MAX);
  expect(layout.HEADERS_BYTES).toBeGreaterThanOrEqual(64 * layout.HEADER_MAX);
  expect(layout.IOVECS_MAX).toBeGreaterThanOrEqual(2 * (layout.EGRESS_SEGMENTS_MAX + layout.ICMP_MAX));
  // Ingress: every packet a write of two iovecs, or every second one a joined header of 10 + 120 bytes at most.
  expect(layout.WRITES_MAX).toBeGreaterThanOrEqual(layout.PACKETS_MAX + layout.ICMP_MAX);
  expect(layout.IOVECS_MAX).toBeGreaterThanOrEqual(2 * layout.PACKETS_MAX + layout.ICMP_MAX);
  expect(layout.HEADERS_BYTES).toBeGreaterThanOrEqual((layout.PACKETS_MAX / 2) * 128);
  expect(layout.RUNS_MAX).toBeGreaterThanOrEqual(layout.PACKETS_MAX);
});

test("every counter has a place of its own in the block, and a name", () => {
  const places = Object.values(counterIndex);
  expect(new Set(places).size).toBe(places.length);
  expect(Math.max(...places)).toBeLessThan(layout.COUNTERS_BYTES / 8);
  expect(COUNTER_NAMES).toContain("icmp-time-exceeded");
  expect(DROP_COUNTERS).toContain("drop-unknown-peer");
});
