/** The forwarding that an earlier process of `udp` saved: what is read goes into the table of the fast path. */
import { isDeepStrictEqual } from "node:util";
import { formatForwarding, parseForwarding } from "../../../backends/udp/forwarding-text.ts";
import { TweedError } from "../../../src/runtime/error.ts";
import { LaneBench } from "../../support/udp-oracle/lane-bench.ts";
import { VIEW } from "../../support/udp-oracle/topology.ts";
import { expectPlain, expectShort } from "../plain-data.ts";
import { bytesOf, type FuzzTarget, invariant, textOf } from "../target.ts";

const SEEDS = [
  '{"type":"udp","device":"flannel0","tunnel":{"mtuBytes":1472,"networks":{"v4":"10.244.0.0/16","v6":null},"subnets":{"v4":"10.244.1.0/24","v6":null}},"localIps":{"v4":"192.168.0.1","v6":null},"port":8285,"view":{"subnets":{"v4":"10.244.1.0/24","v6":null},"tun":{"v4":"10.244.1.0","v6":null},"hosts":["192.168.0.1"],"peers":[{"paths":[{"subnet":"10.244.2.0/24","remote":{"ip":"192.168.0.2","port":8285,"mtuBytes":1472}}]}]}}',
  '{"type":"udp","device":"flannel0","tunnel":{"mtuBytes":1452,"networks":{"v4":"10.244.0.0/16","v6":"fd00::/16"},"subnets":{"v4":"10.244.1.0/24","v6":"fd00:1::/64"}},"localIps":{"v4":"192.168.0.1","v6":"2001:db8::1"},"port":8285,"view":{"subnets":{"v4":"10.244.1.0/24","v6":"fd00:1::/64"},"tun":{"v4":"10.244.1.0","v6":"fd00:1::"},"hosts":["192.168.0.1","2001:db8::1"],"peers":[{"paths":[{"subnet":"10.244.2.0/24","remote":{"ip":"192.168.0.2","port":8285,"mtuBytes":1472,"source":"10.0.2.15"}},{"subnet":"fd00:2::/64","remote":{"ip":"2001:db8::2","port":8285,"mtuBytes":1452}}]},{"paths":[]}]}}',
];

/** Peers that the table of the bench has room for, and some more. */
const bench = await LaneBench.create(VIEW, 64);

export const savedForwarding: FuzzTarget = {
  name: "saved-forwarding",
  grammar: "json",
  seeds: SEEDS.map(bytesOf),
  words: [
    ...[
      "type",
      "udp",
      "device",
      "flannel0",
      "tunnel",
      "mtuBytes",
      "networks",
      "subnets",
      "localIps",
      "port",
      "view",
    ],
    ...[
      "tun",
      "hosts",
      "peers",
      "paths",
      "subnet",
      "remote",
      "ip",
      "source",
      "10.244.2.0/24",
      "0.0.0.0/0",
      "::/0",
    ],
    ...["192.168.0.2", "2001:db8::2", "fd00:2::/64", "10.244.2.0/32", "10.244.2.0/31", "::ffff:1.2.3.4"],
  ],
  refusals: /^invalid-forwarding$/,
  run(input) {
    try {
      const forwarding = parseForwarding(textOf(input));
      expectPlain(forwarding);
      invariant(
        isDeepStrictEqual(parseForwarding(formatForwarding(forwarding)), forwarding),
        "forwarding that is saved again is the same",
      );
      bench.table.tryPublish(forwarding.view);
    } catch (error) {
      if (error instanceof TweedError) expectShort([error.message], 600, "an error");
      throw error;
    }
    return undefined;
  },
};
