/** What the UDP data plane tells senders of packets that go no further, and that they learn from it. */
import { beforeAll, describe, expect, test, vi } from "vitest";
import { inNamespace } from "../../src/lab/namespaces.ts";
import { execute, run } from "../../src/runtime/program.ts";
import { narrowPath } from "../support/narrow-path.ts";
import { readUdpCounters } from "../support/node-pages.ts";
import { useLab } from "../support/test-lab.ts";
import { transfer } from "../support/traffic.ts";

const NAME = "udicmp";
const TRANSFER_BYTES = 10_000_000;
/** Long enough that a sender hears of a narrower path before it is done. */
const LONG_TRANSFER_BYTES = 40_000_000;

const bed = useLab({ name: NAME, nodes: 3, backend: { Type: "udp" }, store: "file", families: "dual" }, [], {
  node3: ["--udp-offload=off"],
});
/** The subnet's network address and the pod's address, of node 1 and node 2, in each family. */
let subnets: Record<
  "v4" | "v6",
  readonly { readonly network: string; readonly bridge: string; readonly pod: string }[]
>;

beforeAll(async () => {
  const ips = await Promise.all([1, 2].map((number) => bed.lab.podIps(bed.node(number))));
  subnets = {
    v4: ips.map(({ v4 }) => placesIn(String(v4).replace(/2$/, ""), "0")),
    v6: ips.map(({ v6 }) => placesIn(String(v6).replace(/2$/, ""), "")),
  };
});

describe.each(["v4", "v6"] as const)("%s", (family) => {
  test("traceroute sees every hop: the bridge, our device, the peer's device twice, the pod", async () => {
    const [own, peer] = subnets[family];
    const hops: string[] = [];
    for (let ttl = 1; ttl <= 5; ttl++) hops.push(await hopAt(String(peer?.pod), ttl));
    expect(hops).toEqual([own?.bridge, own?.network, peer?.network, peer?.network, peer?.pod]);
  });

  test("a subnet that nobody has cannot be reached, and the sender hears it from our device", async () => {
    const nobody = family === "v4" ? "10.244.255.2" : "fd00:10:244:ffff::2";
    const { stdout } = await ping(["-c1", "-W2", nobody]);
    expect(stdout).toMatch(`From ${subnets[family][0]?.network} icmp_seq=1`);
    expect(stdout).toMatch(
      family === "v4" ? "Destination Net Unreachable" : "Destination unreachable: No route",
    );
  });

  test("of a packet in fragments only the first is answered", async () => {
    const peer = subnets[family][1];
    const before = await readUdpCounters(bed.node(1));
    await ping(["-c1", "-W1", "-s4000", "-t2", String(peer?.pod)]);
    const after = await readUdpCounters(bed.node(1));
    expect(after["icmp-time-exceeded"] - before["icmp-time-exceeded"]).toBe(1);
    expect(after["drop-ttl"] - before["drop-ttl"]).toBe(3);
  });

  test("at most 100 a second are sent, however many there is reason for", async () => {
    const peer = subnets[family][1];
    const before = await readUdpCounters(bed.node(1));
    const startMs = performance.now();
    await ping(["-q", "-l1000", "-c1000", "-W1", "-t2", String(peer?.pod)]);
    const after = await readUdpCounters(bed.node(1));
    const sent = after["icmp-time-exceeded"] - before["icmp-time-exceeded"];
    expect(sent).toBeGreaterThanOrEqual(10);
    expect(sent).toBeLessThanOrEqual((100 * (performance.now() - startMs)) / 1000 + 10);
    const dropped = after["drop-ttl"] - before["drop-ttl"];
    expect(dropped).toBeGreaterThan(100);
    expect(sent + after["icmp-limited"] - before["icmp-limited"]).toBe(dropped);
  });

  test("nobody answers a multicast", async () => {
    const group = family === "v4" ? "224.0.0.77" : "ff05::77";
    const before = await readUdpCounters(bed.node(1));
    const { namespace } = bed.node(1);
    await execute(
      "ip",
      inNamespace(namespace, ["ping", "-c3", "-i0.1", "-W1", "-I", "flannel0", "-t1", group]),
    );
    const after = await readUdpCounters(bed.node(1));
    expect(after["drop-multicast"] - before["drop-multicast"]).toBeGreaterThanOrEqual(3);
    for (const kind of ["icmp-time-exceeded", "icmp-unreachable", "icmp-too-big"] as const) {
      expect(after[kind], kind).toBe(before[kind]);
    }
  });

  test("a pod behind a smaller interface than the network's takes a transfer", async () => {
    const { namespace, podNamespace } = bed.node(2);
    await run("ip", ["-n", namespace, "link", "set", "cni0", "mtu", "1300"]);
    try {
      const ip = String(subnets[family][1]?.pod);
      const { sent, received } = await transfer(
        bed.node(1).podNamespace,
        { namespace: podNamespace, ip },
        TRANSFER_BYTES,
      );
      expect(received).toEqual(sent);
    } finally {
      await run("ip", ["-n", namespace, "link", "set", "cni0", "mtu", "1452"]);
    }
  });
});

describe("through a hop of MTU 1400", () => {
  beforeAll(async () => {
    // What pods learnt of paths from the tests before is forgotten.
    for (const { podNamespace } of bed.lab.nodes) {
      for (const family of ["-4", "-6"]) {
        await run("ip", [family, "-n", podNamespace, "route", "flush", "cache"]);
      }
    }
    await narrowPath(NAME, bed.node(2), [bed.node(1), bed.node(3)], 1400);
    await vi.waitUntil(
      async () => (await ping(["-c1", "-W1", String(subnets.v4[1]?.pod)])).exitCode === 0,
      5000,
    );
  });

  test.each(["v4", "v6"] as const)("%s: the largest ping arrives, in pieces or not", async (family) => {
    const { exitCode } = await ping(["-c8", "-i0.05", "-W1", "-s2000", String(subnets[family][1]?.pod)]);
    expect(exitCode).toBe(0);
  });

  test.each(
    (["v4", "v6"] as const).flatMap((family) =>
      (
        [
          [1, 2],
          [2, 1],
          [3, 2],
          [2, 3],
        ] as const
      ).map(([from, to]) => ({ family, from, to })),
    ),
  )("$family: TCP from pod$from to pod$to arrives as it was sent", async ({ family, from, to }) => {
    const ip = String((await bed.lab.podIps(bed.node(to)))[family]);
    const { sent, received, durationMs } = await transfer(
      bed.node(from).podNamespace,
      { namespace: bed.node(to).podNamespace, ip },
      LONG_TRANSFER_BYTES,
    );
    expect(received).toEqual(sent);
    expect(durationMs).toBeLessThan(10_000);
  });

  test("senders of super-packets are told", async () => {
    for (const number of [1, 2]) {
      const counters = await readUdpCounters(bed.node(number));
      expect(counters["icmp-too-big"], `node${number}`).toBeGreaterThan(0);
    }
  });
});

function placesIn(stem: string, zero: string) {
  return { network: `${stem}${zero}`, bridge: `${stem}1`, pod: `${stem}2` };
}

function ping(words: readonly string[]) {
  return execute("ip", inNamespace(bed.node(1).podNamespace, ["ping", "-n", ...words]));
}

/** Who answers a ping whose hops run out after `ttl`. */
async function hopAt(ip: string, ttl: number): Promise<string> {
  const { stdout } = await ping(["-c1", "-W2", `-t${ttl}`, ip]);
  const [, router, target] = /From (\S+) icmp_seq|from (\S+): icmp_seq/.exec(stdout) ?? [];
  return router ?? target ?? stdout;
}
