/** Restarts and resyncs under traffic: the outside host counts what reaches it with a pod's own address. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { inNamespace } from "../../../src/lab/namespaces.ts";
import { EndlessProgram } from "../../support/endless-program.ts";
import { eventually } from "../../support/eventually.ts";
import { type BedOptions, FirewallBed, HOSTS } from "../../support/firewall-bed.ts";
import { rulesFor } from "../../support/firewall-situation.ts";
import { MasqueradeTopology } from "../../support/masquerade-topology.ts";

const RESTARTS = 3;
/** Of each family, before each restart. */
const PACKETS = 50;
/** With an interval of less than 10 ms ping waits in a busy loop. */
const PING_INTERVAL_S = "0.02";
const RULES = rulesFor("dual");

let hosts: MasqueradeTopology;
let iperf: ChildProcess;
beforeAll(async () => {
  hosts = await MasqueradeTopology.create("fwcont");
  const command = ["iperf3", "-s", "--forceflush", "-B", "192.0.2.9"];
  const server = spawn("ip", inNamespace(hosts.outside.name, command), {
    stdio: ["ignore", "pipe", "inherit"],
  });
  iperf = server;
  // It tells when it listens.
  await once(server.stdout, "data");
  await hosts.outside.exec(
    "nft",
    "table inet leaks { counter arrived { }; counter arrived6 { }; counter leaked { }; " +
      "chain c { type filter hook prerouting priority raw; ip version 4 counter name arrived; " +
      "ip6 version 6 counter name arrived6; ip saddr 10.42.0.0/16 counter name leaked; " +
      "ip6 saddr fd00:10:244::/56 counter name leaked; }; }",
  );
});
afterAll(async () => {
  iperf?.kill("SIGKILL");
  await hosts?.delete();
});

async function countOf(counter: string): Promise<number> {
  const text = await hosts.outside.exec("nft", "list", "counter", "inet", "leaks", counter);
  return Number(/packets (\d+)/.exec(text)?.[1]);
}

/** Pings and new connections in each family all the time, and a TCP stream. */
function startTraffic(): readonly EndlessProgram[] {
  const { pod1, pod2 } = hosts;
  return [
    new EndlessProgram(pod1, "ping", "-q", "-i", PING_INTERVAL_S, "192.0.2.9"),
    new EndlessProgram(pod1, "ping", "-q", "-i", PING_INTERVAL_S, "2001:db8:2::9"),
    new EndlessProgram(pod1, "iperf3", "-c", "192.0.2.9", "-t", "3600", "-b", "10M"),
    hosts.scatter(pod2, ["192.0.2.9", "2001:db8:2::9"]),
  ];
}

/** Waits for some more of both families. */
async function untilMoreArrive(): Promise<void> {
  for (const counter of ["arrived", "arrived6"]) {
    const before = await countOf(counter);
    await eventually(() => countOf(counter)).toBeGreaterThanOrEqual(before + PACKETS);
  }
}

describe.each(["nftables", "iptables-nft", "iptables-legacy"] as const)("%s", (kind) => {
  const start = (options: BedOptions = {}) => FirewallBed.start(hosts.node, HOSTS[kind], options);

  test("nothing leaks while the daemon restarts, resyncs and repairs", async () => {
    let bed = await start({ resyncMs: 100 });
    await bed.keep(RULES);
    const leakedBefore = await countOf("leaked");
    const traffic = startTraffic();
    for (let restart = 0; restart < RESTARTS; restart++) {
      await untilMoreArrive();
      await bed.stop();
      bed = await start({ resyncMs: 100 });
      await bed.keep(RULES);
      // Another set of rules and back: the chain is rewritten, not only looked at.
      await bed.keep(rulesFor("dual", { flags: { masqueradeFullyRandom: false } }));
      await bed.keep(RULES);
    }
    await untilMoreArrive();
    for (const program of traffic) await program.stop();
    const leaked = (await countOf("leaked")) - leakedBefore;
    await bed.keep(rulesFor("dual", { flags: { masquerade: false, forwardRules: false } }));
    await bed.stop();
    expect({ leaked }).toEqual({ leaked: 0 });
  });
});
