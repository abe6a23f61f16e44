/** Files beside `subnet.env` that an earlier daemon left, and those of the host that identify it. */
import { readLastGoodConfig } from "../../../src/agent/configuration/last-good-config.ts";
import { readHolders } from "../../../src/agent/holders-file.ts";
import { readOwnIdentity } from "../../../src/agent/identity/own-identity.ts";
import { readRetainedBackends } from "../../../src/agent/switch-over/retained-backends.ts";
import { followExclusions } from "../../../src/config/exclusion-file.ts";
import { parseNetworkConfig } from "../../../src/config/network-config.ts";
import { identityFields, isIdentityMark, readIdentity } from "../../../src/lease/host-identity.ts";
import type { JsonValue } from "../../../src/runtime/json.ts";
import { silentLog } from "../../../src/runtime/log.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";
import { expectPlain } from "../plain-data.ts";
import { bytesOf, type FuzzTarget, invariant, NEVER } from "../target.ts";
import { filesOf } from "./files-of-input.ts";

const CONFIG = parseNetworkConfig(
  '{"Network":"10.244.0.0/16","EnableIPv6":true,"IPv6Network":"fd00::/48","Backend":{"Type":"vxlan"}}',
  "fuzz",
);
const SEEDS = [
  '[{"Type":"vxlan","VNI":7},{"Type":"udp","Port":8285},{"Type":"host-gw"},{"Type":"ipip","DirectRouting":true}]',
  '{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}}',
  "00112233445566778899aabbccddeeff\n",
  "4c4c4544-0044-3210-8056-b4c04f4e3132\n",
  '[["duplicate-public-ip v4 192.0.2.1","10.244.1.0-24"],["duplicate-mac v4 02:00:00:00:00:01","10.244.2.0-24"]]',
  "192.168.0.0/16, 10.0.0.1 # hosts\nfd00::/8\n",
];

/** Every one of these files has the bytes of the input. */
export const keptFiles: FuzzTarget = {
  name: "kept-files",
  grammar: "json",
  seeds: SEEDS.map(bytesOf),
  words: [
    "Type",
    "VNI",
    "Port",
    "MTU",
    "vxlan",
    "udp",
    "host-gw",
    "ipip",
    "DirectRouting",
    "Network",
    "Backend",
    "#",
    "10.0.0.0/8",
  ],
  refusals: NEVER,
  async run(input) {
    const files = filesOf(() => input);
    const parts = { files, log: silentLog };
    for (const { type, channel, options } of await readRetainedBackends("backends", CONFIG, parts)) {
      invariant(
        typeof type === "string" && channel.length < 64,
        "a retained backend is one of those that there are",
      );
      expectPlain(options);
    }
    for (const [value, key] of (await readHolders("holders", parts)) ?? [])
      invariant(typeof value === "string" && typeof key === "string", "holders are texts");
    const lastGood = await readLastGoodConfig("net-conf", "leased", parts);
    if (lastGood !== null) expectPlain(lastGood.config);
    const identity = await readOwnIdentity("identity", { ...parts, random: seededRandom(1) });
    invariant(isIdentityMark(identity.id), "an identity has a random id");
    const field = Object.values(identityFields(identity))[0] as JsonValue;
    expectPlain(field);
    invariant(
      readIdentity(field).identity?.id === identity.id,
      "a peer reads the identity that is published",
    );
    await readExclusions(files);
    return undefined;
  },
};

async function readExclusions(files: ReturnType<typeof filesOf>): Promise<void> {
  const clock = new VirtualClock();
  const onFault = (reason: string) => invariant(reason.length < 800, "a fault is a sentence");
  const following = followExclusions(
    { kind: "file", path: "exclusions" },
    { files, clock, onFault },
    new AbortController().signal,
  );
  await following.next();
  await following.return();
}
