/** Rules of policy routing, as LinuxKernel observes them of what iproute2 made. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { KernelChange } from "../../src/kernel/kernel.ts";
import { eventually } from "../support/eventually.ts";
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

describe("a change", () => {
  let changes: KernelChange[];
  let abort: AbortController;
  beforeEach(async () => {
    changes = [];
    abort = new AbortController();
    await host.kernel.subscribe((change) => changes.push(change), abort.signal);
  });
  afterEach(() => abort.abort());

  it("of rules is told in both families, and of what their tables hold", async () => {
    for (const family of ["-4", "-6"]) {
      changes.length = 0;
      await host.here.exec("ip", family, "rule", "add", "pref", "100", "lookup", "51");
      await eventually(() => changes).toEqual([{ kind: "rules", table: null }]);
      expect(await host.kernel.observeRules()).toEqual(await rules());
      await host.here.exec("ip", family, "rule", "del", "pref", "100");
      await eventually(() => changes).toHaveLength(2);
    }
    for (const table of [51, 1051]) {
      await host.here.ip(`route add 10.244.99.0/24 via 192.0.2.2 table ${table}`);
      await eventually(() => changes).toContainEqual({ kind: "rules", table });
      await host.here.ip(`route del 10.244.99.0/24 table ${table}`);
    }
  });

  it.each(["blackhole", "unreachable", "prohibit"])("of a route that refuses is told: %s", async (type) => {
    await host.here.ip(`route add ${type} 10.244.72.0/26 proto bird`);
    const route = { dst: "10.244.72.0/26", iface: null, protocol: 12 };
    await eventually(() => changes).toContainEqual(
      expect.objectContaining({ kind: "route", gone: false, route: expect.objectContaining(route) }),
    );
    expect((await host.kernel.observe()).routes).toContainEqual(expect.objectContaining(route));
    await host.here.ip(`route del ${type} 10.244.72.0/26`);
  });
});

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
