/** The network configuration: a value in etcd, a file, a ConfigMap, or the last good one beside `subnet.env`. */
import { isDeepStrictEqual } from "node:util";
import { checkLiveChange, readConfiguration } from "../../../src/agent/configuration/configuration.ts";
import { networkRules } from "../../../src/agent/network-plan.ts";
import { type NetworkConfig, parseNetworkConfig } from "../../../src/config/network-config.ts";
import { containsIp, FAMILIES, ipBits } from "../../../src/net/index.ts";
import { asWritten } from "../json-numbers.ts";
import { expectPlain, expectShort } from "../plain-data.ts";
import { bytesOf, type FuzzTarget, invariant, textOf } from "../target.ts";

const SEEDS = [
  '{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}}',
  '{"Network":"10.0.0.0/8","SubnetLen":20,"SubnetMin":"10.10.0.0","SubnetMax":"10.99.0.0","Backend":{"Type":"udp","Port":7890}}',
  '{"EnableIPv4":true,"EnableIPv6":true,"EnableNFTables":true,"Network":"10.244.0.0/16","IPv6Network":"fd00:10:244::/56","IPv6SubnetLen":64,"Backend":{"Type":"vxlan","VNI":4096,"Port":4789,"MTU":1400,"GBP":true,"Learning":true,"DirectRouting":true}}',
  '{"EnableIPv4":false,"EnableIPv6":true,"IPv6Network":"fd00:10:244::/48","IPv6SubnetMin":"fd00:10:244:1::","IPv6SubnetMax":"fd00:10:244:ff::","Backend":{"type":"host-gw"}}',
  '{"Network":"10.244.0.0/16","Backend":{"Type":"ipip","DirectRouting":false},"DirectRoutng":true}',
];
const IN_FORCE = parseNetworkConfig(SEEDS[0] ?? "", "in force");
const MAX_TEXT = 600;

export const networkConfig: FuzzTarget = {
  name: "network-config",
  grammar: "json",
  seeds: SEEDS.map(bytesOf),
  words: [
    ...["Network", "SubnetLen", "SubnetMin", "SubnetMax", "IPv6Network", "IPv6SubnetLen", "IPv6SubnetMin"],
    ...[
      "IPv6SubnetMax",
      "EnableIPv4",
      "EnableIPv6",
      "EnableNFTables",
      "Backend",
      "Type",
      "VNI",
      "Port",
      "MTU",
    ],
    ...[
      "GBP",
      "Learning",
      "DirectRouting",
      "vxlan",
      "host-gw",
      "udp",
      "ipip",
      "10.244.0.0/16",
      "0.0.0.0/0",
      "::/0",
    ],
    ...[
      "10.244.1.0",
      "10.244.255.0",
      "fd00::/8",
      "fd00:10:244::/123",
      "127.0.0.0/8",
      "169.254.0.0/16",
      "10.0.0.1/33",
    ],
  ],
  refusals: /^invalid-config$/,
  run(input) {
    const text = textOf(input);
    for (const subnets of [
      "leased",
      { onIgnored: (reason: string) => expectShort([reason], MAX_TEXT, "a reason") },
    ] as const)
      checkConfiguration(text, subnets);
    return undefined;
  },
};

function checkConfiguration(text: string, subnets: Parameters<typeof readConfiguration>[2]): void {
  const { config, backend, doubts } = readConfiguration(text, "net-conf.json", subnets);
  expectPlain(config);
  checkPlan(config);
  expectShort(doubts, MAX_TEXT, "a doubt");
  invariant(doubts.length <= 64, "an operator gets a bounded number of doubts");
  invariant(
    backend.channel.length < 64 && isDeepStrictEqual(backend.options, config.backend.options),
    "a backend has its own options",
  );
  networkRules(config, subnets !== "leased");
  const again = parseNetworkConfig(JSON.stringify(JSON.parse(text)), "again", subnets);
  invariant(
    isDeepStrictEqual(again, asWritten(config)),
    "a configuration that is written again means the same",
  );
  if (subnets === "leased") checkLiveChange(IN_FORCE, config);
}

function checkPlan(config: NetworkConfig): void {
  for (const family of FAMILIES) {
    const plan = config[family];
    if (plan === null) continue;
    invariant(
      containsIp(plan.network, plan.subnetMin) && containsIp(plan.network, plan.subnetMax),
      "subnets lie in the network",
    );
    invariant(ipBits(plan.subnetMin) <= ipBits(plan.subnetMax), "there is a subnet to lease");
  }
}
