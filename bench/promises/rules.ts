/** Other programs change the firewall rules: time until all are repaired. */
import {
  damageRules,
  iptablesDamages,
  NFTABLES_DAMAGES,
  type RuleDamage,
} from "../../src/lab/firewall-damage.ts";
import type { FirewallKind } from "../../src/lab/firewall-programs.ts";
import { inNamespace } from "../../src/lab/namespaces.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { run } from "../../src/runtime/program.ts";
import { nodeRules, type RunningFirewall, withFirewall } from "./firewall-bench.ts";
import { type Bench, type PromiseGroup, roundsOf } from "./group.ts";
import { timeUntil, until } from "./wait.ts";

export const rules: PromiseGroup = {
  name: "rules",
  async measure(bench) {
    await repairs(bench, NFTABLES, roundsOf(bench, 1));
    await repairs(bench, iptables("nft"), roundsOf(bench, 1));
    await repairs(bench, iptables("legacy"), roundsOf(bench, 0.5));
  },
};

/** The reconciler slows down when its work is repeatedly undone more than once a second. */
const REST_MS = 600;

interface Writer {
  readonly kind: FirewallKind;
  readonly topic: string;
  readonly boundMs: number;
  readonly resyncMs: number;
  readonly isNftables: boolean;
  /** All rules as text, which is stable until a rule changes. */
  readonly read: (namespace: string) => Promise<string>;
  readonly deeds: readonly Deed[];
}

interface Deed {
  readonly title: string;
  readonly does: (namespace: string) => Promise<unknown>;
  /** Whether the final state is correct, if it differs from the initial one. */
  readonly isRight?: (namespace: string) => Promise<boolean>;
  readonly undo?: (namespace: string) => Promise<unknown>;
}

async function repairs(bench: Bench, writer: Writer, rounds: number): Promise<void> {
  const { kind, resyncMs, isNftables, deeds } = writer;
  await withFirewall(kind, resyncMs, bench.signal, async (firewall) => {
    firewall.hostFirewall.setDesired(nodeRules(null), isNftables);
    await firewall.agreed();
    for (let round = 0; round < rounds; round++) {
      for (const deed of deeds) await measure(bench, writer, firewall, deed);
    }
  });
}

async function measure(
  { signal, note }: Bench,
  { topic, boundMs, read }: Writer,
  { hostFirewall, namespace, agreed }: RunningFirewall,
  { title, does, isRight, undo }: Deed,
): Promise<void> {
  const right = await read(namespace);
  const { writes } = hostFirewall.status();
  const isBack = isRight ?? (async () => (await read(namespace)) === right);
  const isRepaired = async () => hostFirewall.status().writes > writes && (await isBack(namespace));
  const ms = await timeUntil(`${topic}: ${title}`, () => does(namespace), isRepaired, signal);
  note({ topic, detail: title, boundMs }, ms);
  await undo?.(namespace);
  await agreed();
  await until("the rules are as before", async () => (await read(namespace)) === right, signal);
  await systemClock.sleep(REST_MS, signal);
}

function on(namespace: string, command: readonly string[]): Promise<string> {
  return run("ip", inNamespace(namespace, command));
}

function deedOf(damage: RuleDamage): Deed {
  return { title: damage.title, does: (namespace) => damageRules(namespace, damage) };
}

const NFTABLES: Writer = {
  kind: "nftables",
  topic: "repair of firewall rules, nftables",
  boundMs: 1000,
  resyncMs: 60_000,
  isNftables: true,
  // Tables one by one, because they are listed in the order of creation.
  async read(namespace) {
    const tables = (await on(namespace, ["nft", "list", "tables"])).trim().split("\n").sort();
    const texts = tables.map((table) => on(namespace, ["nft", "list", ...table.split(" ")]));
    return (await Promise.all(texts)).join("");
  },
  deeds: NFTABLES_DAMAGES.map(deedOf),
};

/** The kernel sends no events for iptables-legacy: the next comparison finds the change. */
function iptables(kind: "nft" | "legacy"): Writer {
  const program = `iptables-${kind}` as const;
  const does = (...args: readonly string[]): Deed["does"] => {
    return (namespace) => on(namespace, [program, "-w", ...args]);
  };
  const isLegacy = kind === "legacy";
  const resyncMs = isLegacy ? 3000 : 60_000;
  return {
    kind: program,
    topic: `repair of firewall rules, ${program}${isLegacy ? " looked at every 3 s" : ""}`,
    boundMs: isLegacy ? 5000 : 1000,
    resyncMs,
    isNftables: false,
    // Without its first and last line, which contain the time.
    read: async (namespace) => (await on(namespace, [`${program}-save`])).replaceAll(/^#.*\n/gm, ""),
    deeds: [
      ...iptablesDamages(kind).map(deedOf),
      {
        title: "a REJECT inserted before ours",
        does: does("-I", "FORWARD", "-j", "REJECT"),
        async isRight(namespace) {
          const forward = await on(namespace, [program, "-w", "-S", "FORWARD"]);
          return forward.indexOf("FLANNEL-FWD") < forward.indexOf("REJECT");
        },
        undo: does("-D", "FORWARD", "-j", "REJECT"),
      },
    ],
  };
}
