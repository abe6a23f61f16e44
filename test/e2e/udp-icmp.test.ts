/** What the UDP data plane tells senders of packets that go no further, and that they learn from it. */
import { beforeAll, describe, expect, test } from "vitest";
import type { CounterName } from "../../backends/udp/counters.ts";
import { inNamespace } from "../../src/lab/namespaces.ts";
import { execute, run } from "../../src/runtime/program.ts";
import { eventually } from "../support/eventually.ts";
import { narrowPath } from "../support/narrow-path.ts";
import { readUdpCounters } from "../support/node-pages.ts";
import { useLab } from "../support/test-lab.ts";
import { transfer } from "../support/traffic.ts";

const NAME = "udicmp";
const TRANSFER_BYTES = 2_000_000;

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
    const { stdout } = await ping(["-c1", "-W10", nobody]);
    expect(stdout).toMatch(`From ${subnets[family][0]?.network} icmp_seq=1`);
    expect(stdout).toMatch(
      family === "v4" ? "Destination Net Unreachable" : "Destination unreachable: No route",
    );
  });

  test("of a packet in fragments only the first is answered", async () => {
    const counted = await countFrom(["icmp-time-exceeded", "drop-ttl"]);
    await ping(["-c1", "-W1", "-s4000", "-t2", String(subnets[family][1]?.pod)]);
    await eventually(counted).toEqual({ "icmp-time-exceeded": 1, "drop-ttl": 3 });
  });

  // At which rate, on a clock of its own: test/unit/udp/icmp.test.ts.
  test("what the limit of their rate forbids is dropped and counted, and the rest is sent", async () => {
    const counted = await countFrom(["icmp-time-exceeded", "icmp-limited", "drop-ttl"]);
    await ping(["-q", "-l1000", "-c1000", "-W1", "-t2", String(subnets[family][1]?.pod)]);
    await eventually(async () => {
      const {
        "icmp-time-exceeded": sent = 0,
        "icmp-limited": limited = 0,
        "drop-ttl": dropped,
      } = await counted();
      return { sent: sent > 0, limited: limited > 0, all: sent + limited === dropped };
    }).toEqual({ sent: true, limited: true, all: true });
  });

  test("nobody answers a multicast", async () => {
    const group = family === "v4" ? "224.0.0.77" : "ff05::77";
    const counted = await countFrom(["drop-multicast"]);
    const answers = await countFrom(["icmp-time-exceeded", "icmp-unreachable", "icmp-too-big"]);
    const words = ["ping", "-c3", "-i0.1", "-W1", "-I", "flannel0", "-t1", group];
    await execute("ip", inNamespace(bed.node(1).namespace, words));
    await eventually(async () => (await counted())["drop-multicast"]).toBeGreaterThanOrEqual(3);
    expect(await answers()).toEqual({ "icmp-time-exceeded": 0, "icmp-unreachable": 0, "icmp-too-big": 0 });
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
    await eventually(() => ping(["-c1", "-W1", String(subnets.v4[1]?.pod)])).toMatchObject({ exitCode: 0 });
  });

  test.each(["v4", "v6"] as const)("%s: the largest ping arrives, in pieces or not", async (family) => {
    const { exitCode } = await ping(["-c8", "-i0.05", "-W10", "-s2000", String(subnets[family][1]?.pod)]);
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
    const { sent, received } = await transfer(
      bed.node(from).podNamespace,
      { namespace: bed.node(to).podNamespace, ip },
      TRANSFER_BYTES,
    );
    expect(received).toEqual(sent);
  });

  // It may take more than one transfer: one that is over before the path's MTU is known has no need of it.
  test.each([
    [1, 2],
    [2, 1],
  ])("the sender of super-packets from pod%i to pod%i is told", async (from, to) => {
    const target = { namespace: bed.node(to).podNamespace, ip: String(subnets.v4[to - 1]?.pod) };
    await eventually(async () => {
      await transfer(bed.node(from).podNamespace, target, TRANSFER_BYTES);
      return (await readUdpCounters(bed.node(from)))["icmp-too-big"];
    }).toBeGreaterThan(0);
  });
});

/** Counts of node 1 from now on. */
async function countFrom(names: readonly CounterName[]) {
  const before = await readUdpCounters(bed.node(1));
  return async (): Promise<Partial<Record<CounterName, number>>> => {
    const now = await readUdpCounters(bed.node(1));
    return Object.fromEntries(names.map((name) => [name, now[name] - before[name]]));
  };
}

function placesIn(stem: string, zero: string) {
  return { network: `${stem}${zero}`, bridge: `${stem}1`, pod: `${stem}2` };
}

function ping(words: readonly string[]) {
  return execute("ip", inNamespace(bed.node(1).podNamespace, ["ping", "-n", ...words]));
}

/** Who answers a ping whose hops run out after `ttl`. */
async function hopAt(ip: string, ttl: number): Promise<string> {
  const { stdout } = await ping(["-c1", "-W10", `-t${ttl}`, ip]);
  const [, router, target] = /From (\S+) icmp_seq|from (\S+): icmp_seq/.exec(stdout) ?? [];
  return router ?? target ?? stdout;
}
