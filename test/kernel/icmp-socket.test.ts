import { describe, expect, test } from "vitest";
import { parseIp } from "../../src/net/index.ts";
import { openIcmpSocket } from "../../src/probe/icmp-socket.ts";
import { openLibcIcmpSocket } from "../../src/probe/libc-icmp-socket.ts";
import { probe } from "../../src/probe/prober.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { DEADLINE_MS } from "../support/eventually.ts";

const options = { count: 5, intervalMs: 10, timeoutMs: DEADLINE_MS, payloadBytes: 56, identifier: 0x7e57 };

describe.each([
  ["raw-socket, or what stands in for it", openIcmpSocket],
  ["the C library", openLibcIcmpSocket],
])("%s", (_name, open) => {
  test.each(["127.0.0.1", "::1"])("pings %s and loses nothing", async (ip) => {
    const results = await probe(
      { ...options, targets: [parseIp(ip)] },
      systemClock,
      open,
      new AbortController().signal,
    );
    expect(results).toMatchObject([{ target: ip, sent: 5, received: 5, lost: 0 }]);
  });
});
