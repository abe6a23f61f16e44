/**
 * A node that publishes another address than it sends from. The router turns the destination only, so the peer sends to
 * the public address and gets packets from the address of the interface:
 *
 *     one  wlan0 198.19.1.1 ── router ── 198.18.1.2 eth0  two
 *                              198.18.0.77, one's public address: to 198.19.1.1
 *
 * Then the router also turns the source of what one sends, into an address that nobody publishes.
 */
import { afterEach, describe, expect, test } from "vitest";
import type { Ip } from "../../src/net/index.ts";
import { eventually } from "../support/eventually.ts";
import { TwoHomed } from "../support/two-homed.ts";

const PUBLIC = "198.18.0.77";
const BEHIND = "198.19.1.1";
const UNPUBLISHED = "198.18.0.99";

let bed: TwoHomed | null = null;
afterEach(async () => {
  await bed?.delete();
  bed = null;
});

async function pings(host: TwoHomed["one"], to: Ip): Promise<string> {
  return host.exec("ping", "-c5", "-i0.05", "-W2", to).catch(String);
}

describe.each(["vxlan", "udp"])("%s", (type) => {
  test("both ways stand, and what comes from an address that is not published is refused by name", async () => {
    bed = await TwoHomed.create(`nat${type[0]}`, { Type: type });
    const { one, two, between } = bed;
    // Stateless: a connection tracked would turn what comes back as well.
    await between.ip(`address add ${PUBLIC}/32 dev br0`);
    await between.exec("nft", "add table ip turn");
    await between.exec("nft", "add chain ip turn in { type filter hook prerouting priority raw; }");
    await between.exec("nft", `add rule ip turn in ip daddr ${PUBLIC} ip daddr set ${BEHIND} notrack`);
    await one.ip("link set eth0 down");
    await bed.start(one, ["--iface=wlan0", `--public-ip=${PUBLIC}`]);
    await bed.start(two);
    const bridges = [await bed.addBridge(one), await bed.addBridge(two)] as const;
    expect(await bed.published()).toEqual([PUBLIC, "198.18.1.2"]);

    await eventually(() => pings(one, bridges[1])).toContain(" 0% packet loss");
    await eventually(() => pings(two, bridges[0])).toContain(" 0% packet loss");
    expect(bed.output(two)).not.toContain("packets refused");

    await between.exec("nft", `add rule ip turn in ip saddr ${BEHIND} ip saddr set ${UNPUBLISHED} notrack`);
    expect(await one.exec("ping", "-c2", "-i0.05", "-W1", bridges[1]).catch(String)).toContain(
      "100% packet loss",
    );
    const refusal = () =>
      bed
        ?.output(two)
        .split("\n")
        .find((line) => line.includes("packets refused"));
    await eventually(async () => refusal()).toEqual(expect.stringContaining(UNPUBLISHED));
    expect(JSON.parse(refusal() ?? "{}")).toMatchObject({ code: "unknown-peer", sources: [UNPUBLISHED] });
  });
});
