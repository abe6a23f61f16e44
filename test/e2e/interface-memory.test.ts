/**
 * What comes and goes beside the address in force, and the address itself for a moment: the node stays where it was, or
 * comes back. Pings every 10 ms both ways; how many are lost while the address is away is told, and not judged.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Ip } from "../../src/net/index.ts";
import { eventually } from "../support/eventually.ts";
import { SteadyPings } from "../support/steady-pings.ts";
import { TwoHomed } from "../support/two-homed.ts";

const OWN = ["198.18.1.1", "198.18.1.2"];
const VIRTUAL = "198.18.1.100/32";

let bed: TwoHomed;
let bridges: readonly [Ip, Ip];
const report: string[] = [];

beforeAll(async () => {
  bed = await TwoHomed.create("ifmem");
  await bed.start(bed.one);
  await bed.start(bed.two);
  bridges = [await bed.addBridge(bed.one), await bed.addBridge(bed.two)];
  await eventually(ping).toContain(" 0% packet loss");
});
afterAll(async () => {
  console.log(report.join("\n"));
  await bed?.delete();
});

const ping = () => bed.one.exec("ping", "-c1", "-W1", bridges[1]).catch(String);

/** Says how many pings were lost meanwhile. */
async function lostDuring(what: string, act: () => Promise<void>): Promise<number> {
  const sources = [
    { namespace: bed.one.name, targets: [bridges[1]] },
    { namespace: bed.two.name, targets: [bridges[0]] },
  ];
  const pings = await SteadyPings.start(sources, 10);
  try {
    await act();
  } finally {
    const results = (await pings.stop()).flat();
    const total = (key: "sent" | "lost") => results.reduce((sum, result) => sum + result[key], 0);
    report.push(`  ${what}: ${total("lost")} of ${total("sent")} pings lost`);
  }
  return Number(/: (\d+) of/.exec(report.at(-1) ?? "")?.[1]);
}

/** Whatever the daemon has made of the host until now is done when it has followed this too. */
let mtu = 1500;
async function untilFollowed(): Promise<void> {
  mtu -= 10;
  await bed.one.ip(`link set eth0 mtu ${mtu}`);
  await eventually(() => bed.subnetEnv(bed.one)).toContain(`FLANNEL_MTU=${mtu - 50}\n`);
}

async function expectUnmoved(): Promise<void> {
  expect(await bed.published()).toEqual(OWN);
  expect(await bed.tunnelSource(bed.one)).toBe(OWN[0]);
}

test("a virtual address that comes changes nothing for one from DHCP, and nothing when it goes", async () => {
  const lost = await lostDuring("a virtual address comes and goes", async () => {
    await bed.one.ip(`address add ${VIRTUAL} dev eth0`);
    await untilFollowed();
    await expectUnmoved();
    await bed.one.ip(`address delete ${VIRTUAL} dev eth0`);
    await untilFollowed();
  });
  await expectUnmoved();
  expect(lost).toBe(0);
});

test("the default route away for a second, its address there: nothing happens", async () => {
  const lost = await lostDuring("the default route is away for 1 s", async () => {
    await bed.one.ip("route delete default dev eth0");
    await sleep(1000);
    await untilFollowed();
    await expectUnmoved();
    await bed.one.ip("route add default via 198.18.0.1 dev eth0 metric 100");
    await untilFollowed();
  });
  await expectUnmoved();
  expect(lost).toBe(0);
});

test("a static address that was away is in force again, with a virtual one beside it", async () => {
  await bed.one.ip(
    "address change 198.18.1.1/16 dev eth0 valid_lft forever preferred_lft forever",
    `address add ${VIRTUAL} dev eth0`,
  );
  await lostDuring("the address is away for 0.3 s", async () => {
    await bed.one.ip("address delete 198.18.1.1/16 dev eth0");
    await sleep(300);
    await eventually(() => bed.tunnelSource(bed.one)).toBe("198.18.1.100");
    await bed.one.ip("address add 198.18.1.1/16 dev eth0");
    await eventually(() => bed.published()).toEqual(OWN);
    await eventually(() => bed.tunnelSource(bed.one)).toBe(OWN[0]);
    await eventually(ping).toContain(" 0% packet loss");
  });
  const lost = await lostDuring("afterwards", untilFollowed);
  await expectUnmoved();
  expect(lost).toBe(0);
});

test("a daemon that starts while the default route is away comes to the same choice", async () => {
  await bed.stop(bed.one);
  await bed.one.ip("route delete default dev eth0");
  await bed.start(bed.one);
  await expectUnmoved();
  await bed.one.ip("route add default via 198.18.0.1 dev eth0 metric 100");
});

test("with --iface=lo pods have the MTU of the way out", async () => {
  await bed.stop(bed.one);
  await bed.one.ip("address add 198.18.77.1/32 dev lo");
  await bed.two.ip("route add 198.18.77.1/32 via 198.18.1.1");
  await bed.start(bed.one, ["--iface=lo"]);
  expect(await bed.subnetEnv(bed.one)).toContain(`FLANNEL_MTU=${mtu - 50}\n`);
  await eventually(() => bed.published()).toEqual(["198.18.1.2", "198.18.77.1"]);
  await eventually(ping).toContain(" 0% packet loss");
});
