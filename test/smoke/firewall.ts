/** Masquerading by either program, and the filter of forged packets. */
import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { PACKET_FILTER_TABLE } from "../../src/kernel/firewall/nftables/packet-filter-table.ts";
import type { Lab } from "../../src/lab/lab.ts";
import { inNamespace } from "../../src/lab/namespaces.ts";
import { labDirectory, labNetworkConfig, SWITCH_IP } from "../../src/lab/topology.ts";
import { run } from "../../src/runtime/program.ts";
import { IPTABLES, NFTABLES } from "./kernel-feature.ts";
import { labNode } from "./lab-node.ts";
import type { Check } from "./scene.ts";
import { TWEED } from "./tweed.ts";
import { waitUntil } from "./wait-until.ts";

/** flannel's names of the rules that masquerade, by the program that shows them. */
const RULES = {
  iptables: { show: ["iptables-save", "-t", "nat"], name: "FLANNEL-POSTRTG" },
  nft: { show: ["nft", "list", "tables"], name: "flannel-ipv4" },
} as const;
type Writer = keyof typeof RULES;

/** Names of the programs whose rules node1 has now. */
async function writers(lab: Lab): Promise<Writer[]> {
  const { namespace } = labNode(lab, 1);
  const found = await Promise.all(
    (["iptables", "nft"] as const).map(async (writer) => {
      const shown = await run("ip", inNamespace(namespace, RULES[writer].show));
      return shown.includes(RULES[writer].name) ? [writer] : [];
    }),
  );
  return found.flat();
}

export function isMasqueradedBy(writer: Writer): Check {
  return {
    title: `firewall: pods are masqueraded by ${writer}`,
    needs: [writer === "nft" ? NFTABLES : IPTABLES],
    run: async (lab, signal) => {
      const file = join(labDirectory(lab.spec.name), "firewall-net-conf.json");
      const config = { ...labNetworkConfig(lab.spec), EnableNFTables: writer === "nft" };
      await writeFile(file, JSON.stringify(config));
      await lab.tweedInSwitch(["store", "configure", file]);
      await waitUntil(`rules by ${writer} alone`, signal, async () => {
        const now = await writers(lab);
        return now.length === 1 && now[0] === writer ? null : `rules by ${now.join(" and ") || "nobody"}`;
      });
      // The switch has no route to the pods, so it can answer those only that come under their node's address.
      const probe = [...TWEED, "probe", "--count=3", SWITCH_IP.v4, SWITCH_IP.v6];
      await run("ip", inNamespace(labNode(lab, 1).podNamespace, probe));
      return `${SWITCH_IP.v4} and ${SWITCH_IP.v6} answer pod1`;
    },
  };
}

/** A VXLAN header of VNI 1, and no frame behind it. */
const TRUNCATED = { port: 8472, hex: "0800000000000100", count: 3 };
const SENDER = resolve("test/support/datagram-sender.mjs");

export const FORGED_ARE_REFUSED: Check = {
  title: "firewall: forged packets are refused",
  needs: [NFTABLES],
  run: async (lab, signal) => {
    const [victim, sender] = [labNode(lab, 1), labNode(lab, 2)];
    const forged = [{ from: sender.underlay.v4, to: victim.underlay.v4, ...TRUNCATED }];
    const send = [process.execPath, SENDER, JSON.stringify(forged)];
    await run("ip", inNamespace(sender.namespace, send));
    const { family, name } = PACKET_FILTER_TABLE;
    const list = ["nft", "list", "counter", family, name, "truncated"];
    await waitUntil("count what was refused", signal, async () => {
      const shown = await run("ip", inNamespace(victim.namespace, list));
      return shown.includes(`packets ${TRUNCATED.count} `) ? null : shown;
    });
    return `${TRUNCATED.count} truncated VXLAN datagrams`;
  },
};
