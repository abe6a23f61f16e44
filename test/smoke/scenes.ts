import type { LabSpec } from "../../src/lab/topology.ts";
import { FORGED_ARE_REFUSED, isMasqueradedBy } from "./firewall.ts";
import { IPIP_LIVE } from "./ipip.ts";
import { IPIP, TUN, VXLAN } from "./kernel-feature.ts";
import { BACKENDS_SWITCH } from "./live-switch.ts";
import { meshIsWhole } from "./mesh.ts";
import { isRepaired } from "./repair.ts";
import type { Scene } from "./scene.ts";
import { DEADLINE_MS } from "./wait-until.ts";

function lab(name: string, backend: string): LabSpec {
  const readyTimeoutMs = DEADLINE_MS;
  return { name, nodes: 2, backend: { Type: backend }, store: "file", families: "dual", readyTimeoutMs };
}

export const SCENES: readonly Scene[] = [
  {
    spec: lab("smokegw", "host-gw"),
    flags: [],
    needs: [],
    checks: [
      meshIsWhole("host-gw"),
      isRepaired("host-gw", [{ title: "routes deleted", lines: ["route flush proto 116"] }]),
    ],
  },
  {
    spec: lab("smokeudp", "udp"),
    flags: [],
    needs: [TUN],
    checks: [
      meshIsWhole("udp"),
      isRepaired("udp", [
        { title: "route deleted", lines: ["route delete 10.244.0.0/16 dev flannel0"] },
        { title: "device deleted", lines: ["link delete flannel0"] },
      ]),
    ],
  },
  {
    spec: lab("smokevx", "vxlan"),
    flags: ["--ip-masq"],
    needs: [VXLAN],
    checks: [
      meshIsWhole("vxlan"),
      isRepaired("vxlan", [
        { title: "routes deleted", lines: ["route flush dev flannel.1 proto boot"] },
        { title: "MTU changed", lines: ["link set flannel.1 mtu 1300"] },
        { title: "device deleted", lines: ["link delete flannel.1"] },
      ]),
      isMasqueradedBy("iptables"),
      isMasqueradedBy("nft"),
      FORGED_ARE_REFUSED,
      BACKENDS_SWITCH,
    ],
  },
  {
    spec: { ...lab("smokeip", "ipip"), families: "v4" },
    flags: [],
    needs: [IPIP],
    checks: [
      meshIsWhole("ipip"),
      isRepaired("ipip", [
        { title: "routes deleted", lines: ["route flush dev flannel.ipip proto boot"] },
        { title: "MTU changed", lines: ["link set flannel.ipip mtu 1300"] },
        { title: "device deleted", lines: ["link delete flannel.ipip"] },
      ]),
    ],
  },
  {
    spec: { ...lab("smokemix", "vxlan"), nodes: 3, families: "v4" },
    flags: [],
    needs: [IPIP, VXLAN],
    checks: [IPIP_LIVE],
  },
];

export const CHECK_TITLES: readonly string[] = SCENES.flatMap(({ checks }) =>
  checks.map(({ title }) => title),
);
