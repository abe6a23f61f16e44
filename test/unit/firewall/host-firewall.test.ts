import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HostFirewall } from "../../../src/agent/firewall/host-firewall.ts";
import type { HostPrograms } from "../../../src/kernel/firewall/programs.ts";
import type { RuleSet } from "../../../src/kernel/firewall/rule-set.ts";
import { NO_RULES } from "../../../src/kernel/firewall/rule-set.ts";
import { parseIp, parsePrefix } from "../../../src/net/index.ts";
import { TweedError } from "../../../src/runtime/error.ts";
import { FakeFirewall, installation } from "../../support/fake-firewall.ts";
import { rulesFor } from "../../support/firewall-situation.ts";
import { RecordingLog } from "../../support/recording-log.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const LEGACY: HostPrograms = { hasNft: false, iptables: { v4: [installation("v4", "legacy")], v6: [] } };
const NFT_ONLY: HostPrograms = { hasNft: true, iptables: { v4: [], v6: [] } };
const IPTABLES_NFT: HostPrograms = { hasNft: true, iptables: { v4: [installation("v4", "nft")], v6: [] } };
const JUMP = '-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG';
const refusal = new TweedError({
  code: "iptables-locked",
  operation: "run",
  reason: "locked",
  retryable: true,
});

let clock: VirtualClock;
let log: RecordingLog;
let ended: AbortController;
let run: Promise<unknown>;

beforeEach(() => {
  clock = new VirtualClock();
  log = new RecordingLog();
  ended = new AbortController();
});
afterEach(async () => {
  ended.abort(new Error("done"));
  await expect(run).rejects.toThrow("done");
});

function keep(host: HostPrograms, rules: RuleSet | null, enableNftables = false) {
  const access = new FakeFirewall(host);
  const random = { bytes: (count: number) => new Uint8Array(count), below: () => 0 };
  const hostFirewall = new HostFirewall({ access, clock, random, log, resyncMs: 5000 });
  if (rules !== null) hostFirewall.setDesired(rules, enableNftables);
  run = hostFirewall.run(ended.signal);
  run.catch(() => {});
  return { access, hostFirewall };
}

/** Lets time pass and tells what was run meanwhile. */
async function runsWithin(access: FakeFirewall, ms: number): Promise<string[]> {
  await clock.sleep(ms);
  return access.runs.splice(0);
}

describe("with iptables-legacy, of which no news comes", () => {
  const v4 = installation("v4", "legacy");

  test("looks, writes, looks again; then one look every resync and nothing else", async () => {
    const { access, hostFirewall } = keep(LEGACY, rulesFor("v4"));
    expect(await runsWithin(access, 1000)).toEqual([v4.save, v4.restore, v4.save]);
    expect(hostFirewall.status()).toMatchObject({
      writer: "iptables",
      converged: true,
      faults: [],
      writes: 1,
    });
    expect(await runsWithin(access, 20_000)).toEqual([v4.save, v4.save, v4.save, v4.save]);
  });

  test("a loss is repaired by the next resync", async () => {
    const { access } = keep(LEGACY, rulesFor("v4"));
    await runsWithin(access, 1000);
    access.iptables(v4).restore("*nat\n-F POSTROUTING");
    await clock.sleep(5000);
    expect(access.iptables(v4).rules("nat", "POSTROUTING")).toEqual([JUMP]);
    expect(log.lines.map(({ message }) => message)).toEqual(["firewall rules repaired"]);
  });

  test("a lock that others hold is waited for, longer each time, and is a fault meanwhile", async () => {
    const { access, hostFirewall } = keep(LEGACY, rulesFor("v4"));
    access.failures = [null, refusal, null, refusal, null, refusal];
    await clock.sleep(100);
    expect(hostFirewall.status()).toMatchObject({ converged: false, faults: ["run: locked"] });
    const attempts = (await runsWithin(access, 1000)).filter((program) => program === v4.restore);
    expect(attempts).toHaveLength(3);
    await clock.sleep(5000);
    expect(hostFirewall.status()).toMatchObject({ converged: true, faults: [] });
    expect(log.warnings()).toHaveLength(1);
  });

  test("rules that are no longer wanted go, and then it is left alone", async () => {
    const { access, hostFirewall } = keep(LEGACY, rulesFor("v4"));
    await runsWithin(access, 1000);
    hostFirewall.setDesired(rulesFor("v4", { flags: { masquerade: false } }), false);
    await clock.sleep(1000);
    expect(access.iptables(v4).rules("nat", "FLANNEL-POSTRTG")).toBeNull();
    expect(access.iptables(v4).rules("filter", "FLANNEL-FWD")).toHaveLength(2);
  });
});

describe("with nftables", () => {
  test("writes once, and never runs a program again", async () => {
    const { access, hostFirewall } = keep(NFT_ONLY, rulesFor("dual"));
    await runsWithin(access, 1000);
    expect(access.scripts.filter((script) => script.includes("chain postrtg"))).toHaveLength(2);
    expect(hostFirewall.status()).toMatchObject({ writer: "nftables", converged: true });
    expect(await runsWithin(access, 60_000)).toEqual([]);
  });

  test("news of a flush is answered at once, with the tables that it took", async () => {
    const { access } = keep(NFT_ONLY, rulesFor("dual"));
    await runsWithin(access, 1000);
    access.commit("ip flannel-ipv4", "ip nat");
    expect(await runsWithin(access, 100)).toEqual(["nft"]);
    expect(access.scripts.at(-1)).toContain("delete table ip flannel-ipv4");
  });

  test("news of others' tables is none of ours", async () => {
    const { access } = keep(NFT_ONLY, rulesFor("dual"));
    await runsWithin(access, 1000);
    access.commit("ip kube-proxy");
    expect(await runsWithin(access, 1000)).toEqual([]);
  });

  test("one peer more is one element more", async () => {
    const rules = (count: number) =>
      rulesFor("v4", {
        flags: { forgedPackets: "drop" },
        origins: {
          ipip: null,
          vxlan: {
            ports: [8472],
            vnis: [1],
            senders: Array.from({ length: count }, (_, number) => ({
              outer: parseIp(`192.0.2.${number}`),
              inner: parsePrefix(`10.42.${number}.0/24`),
            })),
          },
          arrivals: null,
        },
      });
    const { access, hostFirewall } = keep(NFT_ONLY, rules(9));
    await runsWithin(access, 1000);
    hostFirewall.setDesired(rules(10), false);
    await clock.sleep(100);
    expect(access.scripts.at(-1)).toBe(
      [
        "add element inet tweed-packet-filter vxlan-senders-v4 {",
        "192.0.2.9 . 0xa2a0900",
        "}",
        "add element inet tweed-packet-filter vxlan-ends-v4 {",
        "192.0.2.9",
        "}\n",
      ].join("\n"),
    );
  });

  test("somebody who keeps undoing it is met more and more slowly, and named", async () => {
    const { access } = keep(NFT_ONLY, rulesFor("v4"));
    await runsWithin(access, 1000);
    for (let round = 0; round < 400; round++) {
      access.commit("ip flannel-ipv4");
      await clock.sleep(30);
    }
    expect(access.runs.length).toBeLessThan(60);
    expect(log.warnings().map(({ message }) => message)).toEqual([
      "another program keeps changing firewall rules of ours",
    ]);
  });
});

describe("with iptables-nft", () => {
  const v4 = installation("v4", "nft");

  test("news of its tables makes it look; without news it does not", async () => {
    const { access } = keep(IPTABLES_NFT, rulesFor("v4"));
    await runsWithin(access, 1000);
    access.iptables(v4).restore("*nat\n-F POSTROUTING");
    access.commit("ip nat");
    expect(await runsWithin(access, 1000)).toEqual([v4.save, v4.restore, v4.save]);
    expect(await runsWithin(access, 60_000)).toEqual([]);
  });

  test("its leftovers go when nftables takes over, after what takes over stands", async () => {
    const { access, hostFirewall } = keep(IPTABLES_NFT, rulesFor("v4"));
    await runsWithin(access, 1000);
    hostFirewall.setDesired(rulesFor("v4"), true);
    const runs = await runsWithin(access, 1000);
    expect(runs.indexOf("nft")).toBeLessThan(runs.indexOf(v4.restore));
    expect(access.iptables(v4).rules("nat", "FLANNEL-POSTRTG")).toBeNull();
    expect(hostFirewall.status()).toMatchObject({ writer: "nftables", converged: true });
  });

  test("tables of nftables go when iptables takes over", async () => {
    const { access, hostFirewall } = keep(IPTABLES_NFT, rulesFor("v4"), true);
    await runsWithin(access, 1000);
    hostFirewall.setDesired(rulesFor("v4"), false);
    await clock.sleep(1000);
    expect(access.scripts.at(-1)).toBe("add table ip flannel-ipv4\ndelete table ip flannel-ipv4\n");
  });
});

test("nothing is touched before rules are desired", async () => {
  const { access } = keep(IPTABLES_NFT, null);
  access.commit("ip nat");
  expect(await runsWithin(access, 60_000)).toEqual([]);
});

test("no rules at all leave no rules", async () => {
  const { access, hostFirewall } = keep(IPTABLES_NFT, rulesFor("v4"));
  await runsWithin(access, 1000);
  hostFirewall.setDesired(NO_RULES, false);
  await clock.sleep(1000);
  expect(access.iptables(installation("v4", "nft")).save()).not.toContain("FLANNEL");
  expect(hostFirewall.status()).toMatchObject({ writer: null, converged: true, faults: [] });
});

test("a program that is missing is a fault until it is installed", async () => {
  const { access, hostFirewall } = keep({ hasNft: false, iptables: { v4: [], v6: [] } }, rulesFor("v4"));
  await clock.sleep(1000);
  expect(hostFirewall.status().faults).toEqual([expect.stringContaining("install iptables or nftables")]);
  access.host = NFT_ONLY;
  await clock.sleep(6000);
  expect(hostFirewall.status()).toMatchObject({ writer: "nftables", faults: [], converged: true });
});

describe("what was refused", () => {
  const filtered = rulesFor("v4", {
    flags: { forgedPackets: "drop" },
    origins: { vxlan: { ports: [8472], vnis: [1], senders: [] }, ipip: null, arrivals: null },
  });
  test("that the kernel does not tell is no fault", async () => {
    const { access, hostFirewall } = keep(NFT_ONLY, filtered);
    await clock.sleep(100);
    access.refusalCounts = () => Promise.reject(refusal);
    expect(await hostFirewall.refusalCounts()).toBeNull();
  });

  test("is counted where packets are filtered", async () => {
    const { hostFirewall } = keep(NFT_ONLY, filtered);
    await clock.sleep(100);
    expect(await hostFirewall.refusalCounts()).toMatchObject({ truncated: { packets: 0, bytes: 0 } });
  });
  test.each([
    ["the filter is off", NFT_ONLY, rulesFor("v4"), []],
    ["there is no nft", LEGACY, filtered, []],
    // The first script is the table of rules.
    ["the kernel takes no such table", NFT_ONLY, filtered, [null, refusal]],
  ])("is nothing where %s", async (_why, host, rules, failures) => {
    const { access, hostFirewall } = keep(host, rules);
    access.failures = [...failures];
    await clock.sleep(100);
    expect(await hostFirewall.refusalCounts()).toBeNull();
  });
});

describe("the packet filter, which opens by itself", () => {
  const filtered = rulesFor("v4", {
    flags: { forgedPackets: "drop" },
    origins: { vxlan: { ports: [8472], vnis: [1], senders: [] }, ipip: null, arrivals: null },
  });
  const renewals = (access: FakeFirewall) =>
    access.scripts.filter((script) => script.startsWith("flush set inet tweed-packet-filter kept\n"));
  const lasting = (seconds: number) =>
    `add element inet tweed-packet-filter kept { ipv4 timeout ${seconds}s, ipv6 timeout ${seconds}s }`;

  test("is renewed long before that, by a look at nothing else", async () => {
    const { access, hostFirewall } = keep(NFT_ONLY, filtered);
    await clock.sleep(60_000);
    expect(access.scripts.join()).toContain("ipv4 timeout 280s");
    expect(renewals(access)).toEqual([]);
    await clock.sleep(400_000);
    expect(renewals(access)).toHaveLength(5);
    expect(renewals(access).at(-1)).toContain(lasting(280));
    expect(hostFirewall.status()).toMatchObject({ converged: true });
    expect(log.lines).toEqual([]);
  });

  test("is renewed again soon when that failed", async () => {
    const { access, hostFirewall } = keep(NFT_ONLY, filtered);
    await clock.sleep(1000);
    access.failures = [refusal, refusal];
    await clock.sleep(110_000);
    expect(renewals(access)).toHaveLength(1);
    expect(hostFirewall.status()).toMatchObject({ converged: true, faults: [] });
  });

  test("opens within a minute of a stop", async () => {
    const { access, hostFirewall } = keep(NFT_ONLY, filtered);
    await clock.sleep(1000);
    ended.abort(new Error("done"));
    await hostFirewall.release();
    expect(renewals(access).at(-1)).toContain(lasting(50));
  });

  test("is not there to be released where it is off", async () => {
    const { access, hostFirewall } = keep(NFT_ONLY, rulesFor("v4"));
    await clock.sleep(200_000);
    ended.abort(new Error("done"));
    await hostFirewall.release();
    expect(renewals(access)).toEqual([]);
  });
});

test("a family that fails leaves the other alone", async () => {
  const v6 = installation("v6", "legacy");
  const host = { hasNft: false, iptables: { v4: [installation("v4", "legacy")], v6: [v6] } };
  const { access, hostFirewall } = keep(host, rulesFor("dual"));
  // Save, restore of IPv4; save of IPv6.
  access.failures = [null, null, refusal];
  await clock.sleep(100);
  expect(access.iptables(installation("v4", "legacy")).rules("nat", "POSTROUTING")).toEqual([JUMP]);
  expect(hostFirewall.status().faults).toEqual(["run: locked"]);
  await clock.sleep(5000);
  expect(access.iptables(v6).rules("nat", "POSTROUTING")).toEqual([JUMP]);
});

describe("a chain of another program that drops what pods send", () => {
  const dropping = {
    table: { family: "inet", name: "firewalld" },
    families: ["v4", "v6"],
    name: "filter_FORWARD",
    policy: "drop",
    rules: [],
  } as const;
  const named = [expect.stringContaining("filter_FORWARD of nftables table inet firewalld has policy drop")];

  test("is named while it is there, when nftables told of it and without a program", async () => {
    const { access, hostFirewall } = keep(NFT_ONLY, rulesFor("v4"));
    await runsWithin(access, 10_000);
    expect(hostFirewall.status().blockers).toEqual([]);
    access.chains = [dropping];
    access.commit("inet firewalld");
    expect(await runsWithin(access, 10_000)).toEqual([]);
    expect(hostFirewall.status()).toMatchObject({ converged: true, blockers: named });
    access.chains = [];
    access.commit("inet firewalld");
    expect(await runsWithin(access, 10_000)).toEqual([]);
    expect(hostFirewall.status().blockers).toEqual([]);
  });

  test("is left alone where forwarding is left to the host", async () => {
    const { access, hostFirewall } = keep(NFT_ONLY, rulesFor("v4", { flags: { forwardRules: false } }));
    access.chains = [dropping];
    await runsWithin(access, 10_000);
    expect(hostFirewall.status().blockers).toEqual([]);
  });
});
