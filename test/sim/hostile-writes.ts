/** What a hostile author writes into the store: stolen values, impossible ones, and text that is no lease at all. */
import type { Random } from "../../src/runtime/random.ts";
import type { HostileWrite } from "./store.ts";

const pick = <T>(random: Random, items: readonly T[]): T => items[random.below(items.length)] as T;

/** Hosts have the last bytes 1 to 7, 21 to 27 and so on; nobody else has these. */
const FREE_IP = () => "192.0.2.230";

const SUBNETS = [
  // Free ones beyond what is leased to nodes by chance, parts of the network and more than it, other families.
  ...["10.244.189.0-24", "10.244.190.0-24", "10.244.191.0-24", "10.244.250.0-24", "10.245.190.0-24"],
  ...["10.244.0.0-16", "10.244.1.0-25", "10.0.0.0-8", "0.0.0.0-0", "192.0.2.0-24", "224.0.0.0-24"],
  ...["10.244.190.0-24&fd00:10:244:fe::-64", "0.0.0.0-0&fd00:10:244:fd::-64", "0.0.0.0-0"],
  ...[
    "10.244.190.0-24&10.244.189.0-24",
    "10.244.190.0-24&fd00:10:244::-56",
    "10.244.190.0-32",
    "10.244.190.0-0",
  ],
  ...[
    "10.244.189.0-24&fd00:10:244:fe::-64&x",
    "10.244.190.0-24&fd00:10:244:9::-64",
    "fd00:10:244:9::-64",
    "10.244.1.7-24",
  ],
] as const;
const NO_SUBNETS = [
  "",
  "__proto__",
  "constructor",
  "../config",
  "10.244.1.0",
  "a".repeat(300),
  "\u202e-24",
] as const;

/** @param victim an address or MAC to steal may be of any host */
function publicIp(random: Random): unknown {
  return pick(random, [
    () => `192.0.2.${1 + random.below(7) + 20 * random.below(4)}`,
    FREE_IP,
    FREE_IP,
    () => "10.244.1.7",
    () => "127.0.0.1",
    () => "224.0.0.5",
    () => "192.0.2.255",
    () => "203.0.113.9",
    () => "::1",
    () => 7,
    () => ({}),
  ])();
}

function backendData(random: Random): unknown {
  return pick(random, [
    () => ({ VNI: 1, VtepMAC: "02:66:66:66:66:01" }),
    () => ({ VNI: pick(random, [1, 7]), VtepMAC: `mac of node${1 + random.below(7)}` }),
    () => ({
      VNI: pick(random, [1, 7, 1e20, -1, "1"]),
      VtepMAC: pick(random, ["none", "ff:ff:ff:ff:ff:ff", 7, null]),
    }),
    () => ({ VtepMAC: "02-66-66-66-66-02", DirectRouting: true }),
    () => ({ DirectRouting: true }),
    () => null,
    () => [1e20, 1e20],
    () => ({ __proto__: { VNI: 1 }, constructor: 1 }),
    () => "text",
  ])();
}

function publicIpv6(random: Random): unknown {
  return pick(random, [
    `fd00:192:0:2::${(1 + random.below(7) + 20 * random.below(4)).toString(16)}`,
    ...[
      "fd00:192:0:2::e6",
      "fd00:192:0:2::e6",
      "::",
      "::1",
      "fe80::1",
      "ff02::1",
      "::ffff:192.0.2.1",
      "192.0.2.1",
    ],
    7,
  ]);
}

function sources(random: Random): unknown {
  const [v4, v6] = [publicIp(random), publicIpv6(random)];
  return pick(random, [{ v4 }, [v4], [v6], [v4, v6], ["none", 7], [v6, v4, v4]]);
}

function moreOffers(random: Random): unknown {
  const offer = () => ({
    BackendType: pick(random, ["vxlan", "host-gw", "udp", "no", 7]),
    BackendData: backendData(random),
  });
  return pick<() => unknown>(random, [
    () => [offer()],
    () => [offer(), offer()],
    () => [7],
    () => "no",
    () => Array(40).fill(7),
  ])();
}

/** Half of one, with wrong parts, and none. */
function identity(random: Random): unknown {
  const id = "0123456789abcdef".repeat(2);
  return pick(random, [
    { Id: id, Host: "elsewhere", Product: id, Boot: "short" },
    { Id: id, Host: "a host", Boot: 7 },
    { Id: id },
    { Id: "short", Host: "elsewhere" },
    7,
  ]);
}

function value(random: Random): string {
  if (random.below(6) === 0) {
    return pick(random, [
      "",
      "null",
      "[]",
      "{",
      "\0\0",
      '{"PublicIP":"192.0.2.230","__proto__":{"BackendType":"vxlan"}}',
      `{"PublicIP":"192.0.2.230","BackendType":"vxlan","BackendData":[${"1e20,".repeat(700)}1]}`,
      `${"[".repeat(2_000)}${"]".repeat(2_000)}`,
      `{"PublicIP":"${"9".repeat(4_000)}"}`,
    ]);
  }
  const ip = publicIp(random);
  return JSON.stringify({
    PublicIP: ip,
    BackendType: pick(random, ["vxlan", "vxlan", "host-gw", "udp", "ipip", "alloc", "", 7]),
    BackendData: backendData(random),
    ...(random.below(4) === 0 ? { TweedSources: sources(random) } : {}),
    ...(random.below(2) === 0 ? { PublicIPv6: publicIpv6(random), BackendV6Data: backendData(random) } : {}),
    ...(random.below(4) === 0 ? { TweedOffers: moreOffers(random) } : {}),
    ...(random.below(4) === 0 ? { TweedNode: identity(random) } : {}),
    ...(random.below(2) === 0
      ? { ClaimedAt: pick(random, ["0", "99999999999999999999", 7]), Owner: "x" }
      : {}),
    ...(random.below(2) === 0 ? { ExpiresAt: pick(random, ["2099-01-01T00:00:00Z", "never"]) } : {}),
  });
}

export function hostileWrite(random: Random): HostileWrite {
  const key = random.below(8) === 0 ? pick(random, NO_SUBNETS) : pick(random, SUBNETS);
  const prefix = "flannel.alpha.coreos.com";
  return {
    key,
    value: value(random),
    annotations: {
      [`${prefix}/public-ip`]: String(publicIp(random)),
      [`${prefix}/backend-type`]: pick(random, ["vxlan", "host-gw", "udp", "ipip", "", "__proto__"]),
      [`${prefix}/backend-data`]: JSON.stringify(backendData(random)),
      ...(random.below(2) === 0
        ? {
            [`${prefix}/public-ipv6`]: String(publicIpv6(random)),
            [`${prefix}/backend-v6-data`]: JSON.stringify(backendData(random)),
          }
        : {}),
      ...(random.below(3) === 0
        ? {
            [`${prefix}/tweed-offers`]: JSON.stringify(moreOffers(random)),
            [`${prefix}/tweed-data`]: JSON.stringify({ sources: sources(random), v4: backendData(random) }),
          }
        : {}),
      ...(random.below(8) === 0 ? { [`${prefix}/backend-data`]: "{".repeat(20_000) } : {}),
      [`${prefix}/kube-subnet-manager`]: pick(random, ["true", "true", "false", "x"]),
    },
  };
}

/** With the MACs that nodes publish in place of `mac of node2`. @param macOf null for a node that publishes none */
export function withStolenMacs(write: HostileWrite, macOf: (node: string) => string | null): HostileWrite {
  const steal = (text: string) =>
    text.replace(/mac of (node\d)/g, (_, node: string) => macOf(node) ?? "02:66:66:66:66:03");
  const annotations = Object.entries(write.annotations).map(([name, text]) => [name, steal(text)]);
  return { ...write, value: steal(write.value), annotations: Object.fromEntries(annotations) };
}
