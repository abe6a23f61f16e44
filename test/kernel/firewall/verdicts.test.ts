/** The same packets through each writer's rules: who is masqueraded, and who is not. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parsePrefix } from "../../../src/net/index.ts";
import { FirewallBed, HOSTS } from "../../support/firewall-bed.ts";
import { rulesFor } from "../../support/firewall-situation.ts";
import { MasqueradeTopology, type Question } from "../../support/masquerade-topology.ts";

type Host = "pod1" | "pod2" | "outside" | "remote" | "node";

interface Verdict extends Question {
  readonly what: string;
  readonly by: Host;
  readonly seenAs: string;
}

const V4: readonly Verdict[] = [
  { what: "pod to pod", by: "pod1", from: "10.42.1.2", to: "10.42.1.130", seenAs: "10.42.1.2" },
  { what: "pod to remote pod", by: "pod1", from: "10.42.1.2", to: "10.42.2.2", seenAs: "10.42.1.2" },
  { what: "pod to outside", by: "pod1", from: "10.42.1.2", to: "192.0.2.9", seenAs: "192.0.2.1" },
  { what: "remote pod to pod", by: "remote", from: "10.42.2.2", to: "10.42.1.2", seenAs: "10.42.2.2" },
  { what: "host to remote pod", by: "node", from: "192.0.2.1", to: "10.42.2.2", seenAs: "192.0.3.1" },
  { what: "host to its own pod", by: "node", from: "192.0.2.1", to: "10.42.1.2", seenAs: "192.0.2.1" },
  { what: "outside to pod", by: "outside", from: "192.0.2.9", to: "10.42.1.2", seenAs: "192.0.2.9" },
  { what: "outside to remote pod", by: "outside", from: "192.0.2.9", to: "10.42.2.2", seenAs: "192.0.3.1" },
  {
    what: "marked by kube-proxy",
    by: "pod1",
    from: "10.42.1.2",
    to: "192.0.2.9",
    port: 7001,
    seenAs: "10.42.1.2",
  },
  { what: "excluded destination", by: "pod1", from: "10.42.1.2", to: "192.0.2.10", seenAs: "10.42.1.2" },
  {
    what: "multicast",
    by: "node",
    from: "10.42.1.1",
    to: "239.1.2.3",
    via: "192.0.2.1",
    seenAs: "10.42.1.1",
  },
];

const POD = "fd00:10:244:1::2";
const V6: readonly Verdict[] = [
  { what: "pod to pod", by: "pod1", from: POD, to: "fd00:10:244:1:8000::2", seenAs: POD },
  { what: "pod to remote pod", by: "pod1", from: POD, to: "fd00:10:244:2::2", seenAs: POD },
  { what: "pod to outside", by: "pod1", from: POD, to: "2001:db8:2::9", seenAs: "2001:db8:2::1" },
  { what: "remote pod to pod", by: "remote", from: "fd00:10:244:2::2", to: POD, seenAs: "fd00:10:244:2::2" },
  {
    what: "host to remote pod",
    by: "node",
    from: "2001:db8:2::1",
    to: "fd00:10:244:2::2",
    seenAs: "2001:db8:3::1",
  },
  { what: "outside to pod", by: "outside", from: "2001:db8:2::9", to: POD, seenAs: "2001:db8:2::9" },
  {
    what: "outside to remote pod",
    by: "outside",
    from: "2001:db8:2::9",
    to: "fd00:10:244:2::2",
    seenAs: "2001:db8:3::1",
  },
  { what: "marked by kube-proxy", by: "pod1", from: POD, to: "2001:db8:2::9", port: 7001, seenAs: POD },
  { what: "excluded destination", by: "pod1", from: POD, to: "2001:db8:2::10", seenAs: POD },
];

const EXCLUDED = ["192.0.2.10/32", "2001:db8:2::10/128"].map(parsePrefix);

let hosts: MasqueradeTopology;
beforeAll(async () => {
  hosts = await MasqueradeTopology.create("fwverd");
});
afterAll(() => hosts?.delete());

/** Asks everything, many at a time, and tells each answer beside its question. */
async function answers(verdicts: readonly Verdict[]): Promise<Record<string, string | null>> {
  const entries: [string, string | null][] = [];
  for (const by of new Set(verdicts.map((verdict) => verdict.by))) {
    const asked = verdicts.filter((verdict) => verdict.by === by);
    const told = await hosts.ask(hosts[by], asked);
    entries.push(...asked.map(({ what }, index): [string, string | null] => [what, told[index] ?? null]));
  }
  return Object.fromEntries(entries);
}

const expected = (verdicts: readonly Verdict[]) =>
  Object.fromEntries(verdicts.map(({ what, seenAs }) => [what, seenAs]));

describe.each(["nftables", "iptables-nft", "iptables-legacy"] as const)("%s", (kind) => {
  let bed: FirewallBed;
  beforeAll(async () => {
    bed = await FirewallBed.start(hosts.node, HOSTS[kind]);
    await bed.keep(rulesFor("dual", { masqueradeExclusions: EXCLUDED }));
  });
  afterAll(async () => {
    await bed.keep(rulesFor("dual", { flags: { masquerade: false, forwardRules: false } }));
    await bed.stop();
  });

  test("IPv4", async () => {
    expect(await answers(V4)).toEqual(expected(V4));
  });
  test("IPv6", async () => {
    expect(await answers(V6)).toEqual(expected(V6));
  });
  test("nobody, once it is not wanted", async () => {
    await bed.keep(rulesFor("dual", { flags: { masquerade: false } }));
    const outward = V4.filter(({ what }) => what === "pod to outside" || what === "host to remote pod");
    expect(await answers(outward)).toEqual(Object.fromEntries(outward.map(({ what, from }) => [what, from])));
  });
});
