/** The template of the CNI configuration, and files of that directory that clean-up and checks read. */
import { conflistText, isOwnConflist } from "../../../src/agent/cni/conflist.ts";
import { parseTemplate } from "../../../src/agent/cni/template.ts";
import { parseIpv4Prefix, parseIpv6Prefix } from "../../../src/net/index.ts";
import { expectPlain } from "../plain-data.ts";
import { bytesOf, type FuzzTarget, invariant, textOf } from "../target.ts";

const NETWORK = {
  subnets: { v4: parseIpv4Prefix("10.244.7.0/24"), v6: parseIpv6Prefix("fd00:10:244:7::/64") },
  mtuBytes: 1450,
};
/** What the daemon adds to a template, with indentation. */
const MAX_ADDED = 2000;

const SEEDS = [
  '{"cniVersion":"0.3.1","name":"cbr0","plugins":[{"type":"bridge","bridge":"cni0","isGateway":true,"hairpinMode":true},{"type":"portmap","capabilities":{"portMappings":true}}]}',
  '{"name":"x","cniVersion":"1.0.0","plugins":[{"type":"flannel","delegate":{"hairpinMode":true,"isDefaultGateway":true}}]}',
  '{"name":"x","cniVersion":"1.1.0","plugins":[{"type":"macvlan","mtu":1400,"ipam":{"type":"host-local","ranges":[[{"subnet":"10.1.0.0/24"}]],"routes":[{"dst":"0.0.0.0/0"}]}}]}',
  '{"cniVersion":"0.3.1","name":"cbr0","managedBy":"tweed","plugins":[{"type":"bridge","ipam":{"type":"dhcp"}}]}',
];

export const cni: FuzzTarget = {
  name: "cni",
  grammar: "json",
  seeds: SEEDS.map(bytesOf),
  words: [
    ...[
      "cniVersion",
      "name",
      "plugins",
      "type",
      "bridge",
      "flannel",
      "host-local",
      "ipam",
      "ranges",
      "routes",
      "mtu",
    ],
    ...[
      "managedBy",
      "tweed",
      "subnet",
      "delegate",
      "0.3.1",
      "1.0.0",
      "cbr0",
      "../../x",
      "MTU",
      "Ranges",
      "Plugins",
    ],
  ],
  refusals: /^invalid-config$/,
  run(input) {
    const text = textOf(input);
    isOwnConflist(text);
    const template = parseTemplate(text, "template");
    expectPlain(template);
    const written = conflistText(template, NETWORK);
    invariant(isOwnConflist(written), "clean-up finds what the daemon wrote");
    invariant(
      conflistText(parseTemplate(written, "again"), NETWORK) === written,
      "a configuration that serves as a template stays as it is",
    );
    const compact = JSON.stringify(JSON.parse(written));
    invariant(
      compact.length <= JSON.stringify(JSON.parse(text)).length + MAX_ADDED,
      "the daemon adds its own fields only",
    );
    return undefined;
  },
};
