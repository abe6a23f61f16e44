/** Files that a daemon keeps or reads, with what a crash, another program or an operator leaves in them. */
import { WRONG_TEMPLATES } from "./template-samples.ts";

const SUBNET_FILE = "/run/flannel/subnet.env";
const GARBAGE = ["", "\0\0\0", "{", "null", "[7]", "x".repeat(3_000_000), '{"__proto__":7}'] as const;

/** By what is spoilt: the path, and possible texts. */
const FILES = {
  "last good configuration": {
    path: `${SUBNET_FILE}.net-conf`,
    texts: [...GARBAGE, '{"Network":"10.99.0.0/16","Backend":{"Type":"no-such"}}', '{"Network":"0.0.0.0/0"}'],
  },
  "retained backends": {
    path: `${SUBNET_FILE}.backends`,
    texts: [...GARBAGE, "[]", '[{"Type":"no-such"}]', '[{"Type":"vxlan","VNI":"x"}]', '[{"Type":"udp"}]'],
  },
  identity: { path: `${SUBNET_FILE}.identity`, texts: ["", "\0", "no id at all", "f".repeat(2_000)] },
  "forwarding table": { path: "/run/flannel/udp-forwarding.json", texts: GARBAGE },
  "CNI configuration": { path: "/etc/cni/net.d/10-tweed.conflist", texts: GARBAGE.slice(0, 5) },
  "CNI template": { path: "/etc/tweed/cni-template.json", texts: WRONG_TEMPLATES },
} as const;

export type SpoiltFile = keyof typeof FILES;
export const SPOILT_FILES = Object.keys(FILES) as readonly SpoiltFile[];

export function spoiltFile(
  what: SpoiltFile,
  number: number,
): { readonly path: string; readonly text: string } {
  const { path, texts } = FILES[what];
  return { path, text: texts[number % texts.length] ?? "" };
}
