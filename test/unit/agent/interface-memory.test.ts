/** What comes and goes on a host, and what stays chosen. Each row is a history: what is there, and what is to be in force. */
import { describe, expect, it } from "vitest";
import { InterfaceMemory } from "../../../src/agent/underlay/interface-memory.ts";
import type { UnderlayOptions } from "../../../src/config/daemon-options.ts";
import type { ObservedAddress } from "../../../src/kernel/observed.ts";
import { type DualIp, parseIp, parseIpv4, parseIpv6 } from "../../../src/net/index.ts";
import type { Clock } from "../../../src/runtime/clock.ts";
import { Host } from "../../support/host.ts";
import { SteeredClock } from "../../support/steered-clock.ts";

type Address = string | Partial<ObservedAddress>;
const own = "192.0.2.7";
const dhcp = { ip: parseIp(own), isPermanent: false };
const single = { ip: parseIp("192.0.2.100"), length: 32 };
const promoted = "192.0.2.100";
const behind = { ip: parseIp(own), isSecondary: true };
const wifi = "198.51.100.7";

/** eth0 with the default route as long as it has an address of its own, wlan0 with one behind it if it is there. */
function hostWith(eth0: readonly Address[], wlan0: readonly Address[] = [], gone = ""): Host {
  const host = new Host().link("eth0", eth0, { isUp: gone !== "link" }).link("wlan0", wlan0);
  if (eth0.length > 0 && gone === "") host.defaultRoute("v4", "eth0", 100);
  if (wlan0.length > 0) host.defaultRoute("v4", "wlan0", 600);
  return host;
}

const known = (...ips: readonly string[]): readonly DualIp[] =>
  ips.map((ip) => ({ v4: parseIpv4(ip), v6: null }));
const remember = (clock: Clock, ...ips: readonly string[]) => new InterfaceMemory(clock, known(...ips));

async function play(
  history: readonly (readonly [Host, string])[],
  options: Partial<UnderlayOptions> = {},
  memory = remember(new SteeredClock()),
): Promise<void> {
  for (const [host, expected] of history) {
    const { iface } = await host.choose(memory, ["v4"], options);
    expect(`${iface.name} ${iface.ips.v4}`).toBe(expected);
  }
}

describe.each([
  ["without flags", {}],
  ["with --iface=eth0 --iface=wlan0", { ifaces: ["eth0", "wlan0"] }],
  ["with --iface-regex", { ifaceRegexes: [/^(?:eth|wlan)0$/] }],
])("%s", (_how, options) => {
  it.each<[string, readonly (readonly [Host, string])[]]>([
    [
      "a virtual address comes to one from DHCP",
      [
        [hostWith([dhcp]), `eth0 ${own}`],
        [hostWith([dhcp, single]), `eth0 ${own}`],
        [hostWith([single, dhcp]), `eth0 ${own}`],
      ],
    ],
    [
      "a permanent address of another prefix comes to one from DHCP",
      [
        [hostWith([dhcp]), `eth0 ${own}`],
        [hostWith([dhcp, "203.0.113.9"]), `eth0 ${own}`],
      ],
    ],
    [
      "the address is away while a virtual one is there",
      [
        [hostWith([own, single]), `eth0 ${own}`],
        [hostWith([single]), "eth0 192.0.2.100"],
        [hostWith([single, own]), `eth0 ${own}`],
      ],
    ],
    [
      "the address is away, and comes back behind the virtual one that the kernel promoted",
      [
        [hostWith([own]), `eth0 ${own}`],
        [hostWith([promoted]), "eth0 192.0.2.100"],
        [hostWith([promoted, behind]), `eth0 ${own}`],
      ],
    ],
    [
      "the virtual one is there first",
      [
        [hostWith([single]), "eth0 192.0.2.100"],
        [hostWith([single, own]), `eth0 ${own}`],
      ],
    ],
    [
      "the default route goes, the address stays",
      [
        [hostWith([own], [wifi]), `eth0 ${own}`],
        [hostWith([own], [wifi], "route"), `eth0 ${own}`],
        [hostWith([own], [wifi]), `eth0 ${own}`],
      ],
    ],
    [
      "the link goes down and comes up again",
      [
        [hostWith([own], [wifi]), `eth0 ${own}`],
        [hostWith([own], [wifi], "link"), `wlan0 ${wifi}`],
        [hostWith([own], [wifi]), `eth0 ${own}`],
      ],
    ],
    [
      "another address takes the place of the first",
      [
        [hostWith([own]), `eth0 ${own}`],
        [hostWith(["192.0.2.77"]), "eth0 192.0.2.77"],
        [hostWith(["192.0.2.77", single]), "eth0 192.0.2.77"],
      ],
    ],
  ])("%s", (_what, history) => play(history, options));
});

it("leaves an interface that has a virtual address only", () =>
  play([
    [hostWith([own, single], [wifi]), `eth0 ${own}`],
    [hostWith([single], [wifi], "route"), `wlan0 ${wifi}`],
    [hostWith([single, own], [wifi]), `eth0 ${own}`],
  ]));

it("with --iface-can-reach stays where it is while the route is away", async () => {
  const options = { ifaceCanReach: parseIp("203.0.113.1") };
  const towards = (host: Host, iface: string) => host.answersRouteLookup({ iface, via: null, source: null });
  await play(
    [
      [towards(hostWith([own], [wifi]), "eth0"), `eth0 ${own}`],
      [towards(hostWith([own], [wifi]), "wlan0"), `eth0 ${own}`],
      [towards(hostWith([], [wifi]), "wlan0"), `wlan0 ${wifi}`],
    ],
    options,
  );
});

it("takes what stands in for long for the usual one, unless it is virtual", async () => {
  const clock = new SteeredClock();
  const memory = remember(clock);
  await play([[hostWith([own], [wifi]), `eth0 ${own}`]], {}, memory);
  await play([[hostWith([], [wifi]), `wlan0 ${wifi}`]], {}, memory);
  clock.advance(600_000);
  await play([[hostWith([own], [wifi]), `wlan0 ${wifi}`]], {}, memory);

  const second = remember(clock);
  await play([[hostWith([own]), `eth0 ${own}`]], {}, second);
  await play([[hostWith([single]), "eth0 192.0.2.100"]], {}, second);
  clock.advance(86_400_000);
  await play([[hostWith([single, behind]), `eth0 ${own}`]], {}, second);
});

describe("a daemon that starts", () => {
  const start = (host: Host, expected: string, ...ips: readonly string[]) =>
    play([[host, expected]], {}, remember(new SteeredClock(), ...ips));

  it("comes to what it published, and stays there", async () => {
    await start(hostWith([own], [wifi]), `wlan0 ${wifi}`, wifi);
    await start(hostWith([own, "203.0.113.9"]), "eth0 203.0.113.9", "203.0.113.9");
    await start(hostWith([promoted, behind]), `eth0 ${own}`, own);
    await start(hostWith([own], [wifi], "route"), `eth0 ${own}`, own);
  });

  it("takes the published address before the InternalIP, and that before the default route", async () => {
    await start(hostWith([own], [wifi]), `wlan0 ${wifi}`, "203.0.113.9", wifi);
    await start(hostWith([own], [wifi]), `eth0 ${own}`, own, wifi);
  });

  it("goes by the host where it has none of them, and where only a virtual one is left", async () => {
    await start(hostWith([own], [wifi]), `eth0 ${own}`, "203.0.113.9");
    await start(hostWith([own, single]), `eth0 ${own}`, "192.0.2.100");
  });

  it("goes by its flags first", async () => {
    const memory = () => remember(new SteeredClock(), wifi);
    await play([[hostWith([own], [wifi]), `eth0 ${own}`]], { ifaces: ["eth0"] }, memory());
    await play(
      [[hostWith([own], [wifi]), `eth0 ${own}`]],
      { publicIps: { v4: parseIpv4(own), v6: null } },
      memory(),
    );
  });
});

it("remembers each family on its own", async () => {
  const memory = remember(new SteeredClock());
  const ips = async (...addresses: readonly Address[]) => {
    const host = hostWith(addresses).defaultRoute("v6", "eth0");
    return (await host.choose(memory, ["v4", "v6"])).iface.ips;
  };
  const v6 = parseIpv6("2001:db8::7");
  expect(await ips(own, v6)).toEqual({ v4: own, v6 });
  expect(await ips("192.0.2.77", "2001:db8::9", v6)).toEqual({ v4: "192.0.2.77", v6 });
  expect(await ips("192.0.2.77")).toEqual({ v4: "192.0.2.77", v6: null });
  expect(await ips("192.0.2.77", own, "2001:db8::9", v6)).toEqual({ v4: own, v6 });
});
