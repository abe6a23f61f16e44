/** `subnet.env`, as this daemon, flannel or an operator left it. */
import { isDeepStrictEqual } from "node:util";
import { formatSubnetEnv, parseSubnetEnv } from "../../../src/agent/cni/subnet-env.ts";
import { expectPlain, expectShort } from "../plain-data.ts";
import { bytesOf, type FuzzTarget, invariant, NEVER, textOf } from "../target.ts";

const SEEDS = [
  "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.7.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n",
  "FLANNEL_IPV6_NETWORK=fd00:10:244::/56\nFLANNEL_IPV6_SUBNET=fd00:10:244:7::1/64\nFLANNEL_MTU=1430\nFLANNEL_IPMASQ=false\n",
  "# by hand\nexport FLANNEL_NETWORK = \"10.244.0.0/16, 10.245.0.0/16\" # two\nFLANNEL_SUBNET='10.244.7.1/24'\r\n\n=\n",
];

export const subnetEnv: FuzzTarget = {
  name: "subnet-env",
  grammar: "lines",
  seeds: SEEDS.map(bytesOf),
  words: [
    ...[
      "FLANNEL_NETWORK",
      "FLANNEL_SUBNET",
      "FLANNEL_IPV6_NETWORK",
      "FLANNEL_IPV6_SUBNET",
      "FLANNEL_MTU",
      "export ",
    ],
    ...[
      "10.244.0.0/16",
      "10.244.7.1/24",
      "fd00:10:244::/56",
      "fd00:10:244:7::1/64",
      "0.0.0.0/0",
      " #",
      "# ",
      "=",
      "a  #\r",
    ],
  ],
  refusals: NEVER,
  // More is not read of it.
  maxBytes: 16 * 1024,
  run(input) {
    const read = parseSubnetEnv(textOf(input));
    expectPlain(read);
    expectShort(read.faults, 500, "a fault");
    invariant(read.faults.length <= 64, "an operator gets a bounded number of faults");
    const { networks, subnets } = read;
    const family = (which: "v4" | "v6") => networks[which] !== null && subnets[which] !== null;
    if (!family("v4") || !family("v6")) return undefined;
    const again = parseSubnetEnv(formatSubnetEnv({ networks, subnets, mtuBytes: 1450, masquerade: true }));
    invariant(isDeepStrictEqual(again, { networks, subnets, faults: [] }), "what is written is read again");
    return undefined;
  },
};
