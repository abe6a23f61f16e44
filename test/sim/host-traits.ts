/** How the hosts of a cluster differ: flags of their daemons, marks of the machine, what was there before the first daemon. */
import { parseIp } from "../../src/net/index.ts";
import type { Random } from "../../src/runtime/random.ts";
import type { FakeKernel } from "../support/fake-kernel.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { TEMPLATE_FILE, TEMPLATES } from "./template-samples.ts";

export interface HostTraits {
  readonly flags: readonly string[];
  /** A flag names the address of the host, which therefore has to keep it. */
  readonly isFixed: boolean;
  /** Routing reaches to the host: its addresses are on lo. */
  readonly isRouted: boolean;
  readonly marks: Marks;
  /** Texts by path, from before the first boot. */
  readonly files: Readonly<Record<string, string>>;
  /** The bridge has an address of an earlier network, and no pods. */
  readonly hasOldBridge: boolean;
  readonly extra: readonly ExtraAddress[];
  readonly sysctls: Readonly<Record<string, string>>;
}

/** What identifies the machine besides the id in the run directory, which is all that a container may have. */
export type Marks = "all" | "no product" | "placeholder" | "no machine-id" | "container";
/** Another address of the underlay, beside the host's own, which no peer uses. */
export type ExtraAddress =
  | "secondary"
  | "deprecated"
  | "tentative"
  | "link-local"
  | "temporary"
  | "point-to-point";

export const PLAIN_TRAITS: HostTraits = {
  ...{
    flags: [],
    isFixed: false,
    isRouted: false,
    marks: "all",
    files: {},
    hasOldBridge: false,
    extra: [],
    sysctls: {},
  },
};

interface Drawn {
  readonly random: Random;
  readonly ip: string;
  readonly ip6: string | null;
}

/** Whether the hosts of this world are routed: no two are on one link, so no backend may rely on that. */
export function isRoutedWorld(seed: number | null): boolean {
  return seed !== null && seed % 6 === 0;
}

/** @param seed null for hosts that are all alike */
export function traitsOf(seed: number | null, host: number, ip: string, ip6: string | null): HostTraits {
  if (seed === null) return PLAIN_TRAITS;
  const random = seededRandom(seed ^ Math.imul(host + 1, 0x9e3779b1));
  const among = <T>(items: readonly T[]): T => items[random.below(items.length)] as T;
  const isRouted = isRoutedWorld(seed);
  const chosen = ifaceFlags({ random, ip, ip6 });
  const iface = isRouted ? { flags: ["--iface=lo"], isFixed: false } : chosen;
  const files: Record<string, string> = {};
  const flags = [...iface.flags, ...firewallFlags(random)];
  if (random.below(2) === 0) {
    flags.push("--cni-conf=/etc/cni/net.d/10-tweed.conflist");
    if (random.below(2) === 0) {
      flags.push(`--cni-conf-template=${TEMPLATE_FILE}`);
      files[TEMPLATE_FILE] = among(TEMPLATES);
    }
    if (random.below(3) === 0) files["/etc/cni/net.d/05-other.conf"] = "{}";
  }
  const marks = among<Marks>([
    "all",
    "all",
    "all",
    "no product",
    "placeholder",
    "no machine-id",
    "container",
  ]);
  if (random.below(4) === 0) files["/run/flannel/subnet.env"] = subnetEnv(random, host);
  return {
    ...{ flags, isFixed: iface.isFixed, isRouted, marks, files },
    hasOldBridge: random.below(4) === 0,
    extra: EXTRA.filter(() => random.below(4) === 0 && !isRouted),
    sysctls: random.below(4) === 0 ? { "net/ipv4/ip_forward": "0", "net/ipv6/conf/all/forwarding": "0" } : {},
  };
}

const EXTRA = ["secondary", "deprecated", "tentative", "link-local", "temporary", "point-to-point"] as const;

function ifaceFlags({ random, ip, ip6 }: Drawn): {
  readonly flags: readonly string[];
  readonly isFixed: boolean;
} {
  const movable = [
    ...[[], [], ["--iface=eth0"], ["--iface=missing0", "--iface=eth1", "--iface=eth0"]],
    // By the address first, and by the name once the host has another.
    ...[
      [`--iface=${ip}`, "--iface=eth0"],
      [`--iface=198.51.100.9`, "--iface-regex=^eth0$"],
    ],
    ...[
      ["--iface-regex=^192\\.0\\.2\\."],
      ["--iface-regex=^(192\\.0\\.2|fd00:192)"],
      ["--iface-regex=no such"],
    ],
    ...[
      ["--iface-can-reach=192.0.2.254"],
      [`--iface-can-reach=${ip}`],
      ["--iface-can-reach=fd00:192:0:2::fe"],
    ],
  ].map((flags) => (flags[0]?.endsWith("no such") ? [...flags, "--iface-can-reach=192.0.2.254"] : flags));
  const fixed = [
    [`--public-ip=${ip}`],
    [`--public-ip=${ip}`, "--iface=eth0"],
    ...(ip6 === null ? [] : [[`--public-ipv6=${ip6}`], [`--public-ip=${ip}`, `--public-ipv6=${ip6}`]]),
    ...(ip6 === null ? [] : [[`--iface=${ip6}`]]),
  ];
  const place = random.below(movable.length + fixed.length);
  const flags = movable[place] ?? fixed[place - movable.length] ?? [];
  // Without IPv6 no route leads there.
  const isPointless = ip6 === null && flags.some((flag) => flag.includes("reach=fd00"));
  return { flags: isPointless ? [] : flags, isFixed: place >= movable.length };
}

function firewallFlags(random: Random): readonly string[] {
  return [
    ...(random.below(3) === 0 ? ["--ip-masq=true"] : []),
    ...(random.below(6) === 0 ? ["--ip-masq-fully-random-disable=true"] : []),
    ...(random.below(6) === 0 ? ["--ip-masq-exclude=198.51.100.0/24,fd00:99::/64"] : []),
    ...(random.below(6) === 0 ? ["--iptables-forward-rules=false"] : []),
    ...(random.below(6) === 0 ? [`--forged-packet-filter=${random.below(2) === 0 ? "log" : "off"}`] : []),
  ];
}

/** As flannel and shell scripts leave it, and with what the daemon has to skip. */
function subnetEnv(random: Random, host: number): string {
  const subnet = `10.244.${150 + host}.1/24`;
  const forms = [
    `FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=${subnet}\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n`,
    `# by hand\nexport FLANNEL_NETWORK="10.244.0.0/16"\n\nexport FLANNEL_SUBNET='${subnet}' # ours\n`,
    `FLANNEL_NETWORK=10.244.0.0/16,10.9.0.0/16\nFLANNEL_SUBNET=${subnet}\nFLANNEL_IPV6_SUBNET=none,\n`,
    "FLANNEL_SUBNET=fd00:10:244:77::1/64\nFLANNEL_IPV6_SUBNET=10.244.3.1/24\nno line\n",
    "FLANNEL_SUB",
  ];
  return forms[random.below(forms.length)] ?? "";
}

const EXTRA_IPS: Readonly<Record<ExtraAddress, readonly [ip: string, length: number]>> = {
  secondary: ["192.0.2.241", 24],
  deprecated: ["192.0.2.242", 24],
  tentative: ["fd00:192:0:2::f2", 64],
  "link-local": ["fe80::2", 64],
  temporary: ["fd00:192:0:2:9::f3", 64],
  "point-to-point": ["198.51.100.33", 32],
};

/** @param iface the underlay */
export function putExtraAddresses(kernel: FakeKernel, iface: string, extra: readonly ExtraAddress[]): void {
  for (const what of extra) {
    const [text, length] = EXTRA_IPS[what];
    kernel.putObservedAddress({
      ...{ iface, ip: parseIp(text), length, isPermanent: what !== "temporary" },
      ...{ isLinkLocal: what === "link-local", isTemporary: what === "temporary" },
      // Both are in the prefix of the host's own.
      ...{ isSecondary: ["secondary", "deprecated"].includes(what), isDeprecated: what === "deprecated" },
      isTentative: what === "tentative",
    });
  }
}
