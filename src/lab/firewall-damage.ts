/** Damage that other programs may do to the firewall rules of a node. */
import { run } from "../runtime/program.ts";
import { inNamespace } from "./namespaces.ts";

export interface RuleDamage {
  readonly title: string;
  readonly commands: readonly RuleCommand[];
}

interface RuleCommand {
  readonly words: readonly string[];
  /** Standard input. */
  readonly input?: string;
}

export const NFTABLES_DAMAGES: readonly RuleDamage[] = [
  "flush ruleset",
  "delete table ip flannel-ipv4",
  "flush chain ip6 flannel-ipv6 postrtg",
  "insert rule ip flannel-ipv4 postrtg ip saddr 10.42.0.0/16 return",
  "add rule ip flannel-ipv4 forward ip saddr 10.42.0.0/16 accept",
  "add chain ip flannel-ipv4 extra",
].map((command) => ({ title: `nft ${command}`, commands: [{ words: ["nft", command] }] }));

const MARKED = ["-m", "mark", "--mark", "0x4000/0x4000", "-m", "comment", "--comment", "flanneld masq"];
const FORWARD_JUMP = ["-m", "comment", "--comment", "flanneld forward", "-j", "FLANNEL-FWD"];

export function iptablesDamages(kind: "nft" | "legacy"): readonly RuleDamage[] {
  // All users of the legacy kind share a lock, the daemon among them: -w waits for it.
  const iptables = (...args: readonly string[]) => ({ words: [`iptables-${kind}`, "-w", ...args] });
  const restore = [`iptables-${kind}-restore`, "--noflush", "-w"];
  return [
    { title: "iptables -t nat -F", commands: [iptables("-t", "nat", "-F")] },
    {
      title: "iptables -F, then -X",
      // Both in one call, or a repair in between could make the deletion of the chain fail.
      commands: [{ words: restore, input: "*filter\n-F\n-X\nCOMMIT\n" }],
    },
    {
      title: "a rule moved",
      commands: [
        iptables("-t", "nat", "-D", "FLANNEL-POSTRTG", "1"),
        iptables("-t", "nat", "-A", "FLANNEL-POSTRTG", ...MARKED, "-j", "RETURN"),
      ],
    },
    { title: "a duplicate inserted", commands: [iptables("-I", "FORWARD", ...FORWARD_JUMP)] },
  ];
}

export async function damageRules(namespace: string, { commands }: RuleDamage): Promise<void> {
  for (const { words, input = "" } of commands) await run("ip", inNamespace(namespace, words), { input });
}
