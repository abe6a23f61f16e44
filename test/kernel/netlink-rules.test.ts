/** Rules of policy routing, as LinuxKernel observes them of what iproute2 made. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NetlinkHost } from "../support/netlink-host.ts";

let host: NetlinkHost;
beforeAll(async () => {
  host = await NetlinkHost.open("nlrule");
  await host.here.ip(
    "route add default via 192.0.2.2 table 51",
    "route add throw 10.244.0.0/16 table 51",
    "route add 10.244.72.0/24 via 192.0.2.2 table 1051",
    "route add default via 192.0.2.2 table 1051",
    "route add 2001:db8:9::/64 via 2001:db8::2 table 51",
  );
});
afterAll(() => host.close());

const rules = async () => (await host.kernel.observe()).rules;
const DEFAULT = { dst: "0.0.0.0/0", iface: "eth0", isThrow: false };
const THROW = { dst: "10.244.0.0/16", iface: null, isThrow: true };

it("there are none that lead anywhere on a host that nobody has touched", async () => {
  expect(await rules()).toEqual([]);
});

describe("a rule", () => {
  it.each([
    [
      "pref 100 lookup 51",
      { priority: 100, table: 51, source: null, destination: null, routes: [DEFAULT, THROW] },
    ],
    [
      "pref 100 from 10.244.1.0/24 to 10.244.72.0/24 blackhole",
      {
        table: null,
        source: "10.244.1.0/24",
        destination: "10.244.72.0/24",
        routes: null,
      },
    ],
    ["pref 100 not fwmark 0xca6c lookup 51", { table: 51, routes: [DEFAULT, THROW] }],
    ["pref 100 iif cni0 lookup 51", { table: 51 }],
    [
      "pref 100 lookup 1051 suppress_prefixlength 0",
      {
        table: 1051,
        routes: [{ dst: "10.244.72.0/24", iface: "eth0", isThrow: false }],
      },
    ],
  ])("%s is told with what its table holds", async (text, expected) => {
    await host.here.ip(`rule add ${text}`);
    expect(await rules()).toEqual([expect.objectContaining({ family: "v4", ...expected })]);
    await host.here.ip(`rule del ${text}`);
  });

  it("of IPv6 is, too", async () => {
    await host.here.exec("ip", "-6", "rule", "add", "pref", "100", "lookup", "51");
    expect(await rules()).toMatchObject([
      { family: "v6", table: 51, routes: [{ dst: "2001:db8:9::/64", iface: "eth0" }] },
    ]);
    await host.here.exec("ip", "-6", "rule", "del", "pref", "100");
  });

  it.each([
    "pref 100 fwmark 0x1 lookup 51",
    "pref 100 iif eth0 lookup 51",
    "pref 100 ipproto tcp dport 80 lookup 51",
    "pref 100 uidrange 5-6 lookup 51",
    "pref 100 lookup main",
    "pref 32766 lookup main suppress_prefixlength 0",
    "pref 40000 lookup 51",
  ])("%s leads no packet between pods elsewhere", async (text) => {
    await host.here.ip(`rule add ${text}`);
    expect(await rules()).toEqual([]);
    await host.here.ip(`rule del ${text}`);
  });

  it("behind one of the main table that leaves out default routes alone leads none elsewhere, as wg-quick has it", async () => {
    await host.here.ip(
      "rule add pref 100 lookup main suppress_prefixlength 0",
      "rule add pref 101 lookup 51",
    );
    expect(await rules()).toEqual([]);
    await host.here.ip("rule del pref 100", "rule del pref 101");
  });
});
